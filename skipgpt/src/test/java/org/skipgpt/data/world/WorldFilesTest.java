package org.skipgpt.data.world;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorldFilesTest {
    private static final Path FOLDER =
            Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world");
    private static final int SAMPLE = 20_000;
    private static final int STANDARD_ERRORS = 4;

    private static final WorldText TEXT = new WorldText(World.of(World.SEED), 1);

    private static String sample = "";
    private static Map<String, Integer> words = Map.of();

    @BeforeAll
    static void writeTrainingText() {
        sample = IntStream.range(0, SAMPLE)
                .mapToObj(i -> TEXT.document(i, i / (double) SAMPLE).text())
                .collect(Collectors.joining("\n\n"));
        words = Baselines.count(sample);
    }

    @Test
    void storedFilesEqualRegeneration() throws IOException {
        for (Map.Entry<String, String> file : WorldFiles.contents().entrySet()) {
            assertThat(Files.readString(FOLDER.resolve(file.getKey())))
                    .as(file.getKey())
                    .isEqualTo(file.getValue());
        }
    }

    @Test
    void noQuestionOccursInTrainingText() {
        Set<String> questions = new TreeSet<>();
        for (String name : WorldBenchmarks.NAMES) {
            for (Map<String, Object> item : allItems(name)) {
                // a passage is made of statements, which training text may string together by chance
                for (String field : List.of("question_stem", "sentence", "goal", "ctx", "question")) {
                    if (item.get(field) instanceof String text) {
                        questions.add(text);
                    }
                }
            }
        }

        assertThat(questions).hasSizeGreaterThan(WorldBenchmarks.NAMES.size() * WorldFiles.ITEMS);
        assertThat(found(questions, sample)).isEmpty();
    }

    @Test
    void noSolvedSentenceOccursInTrainingText() {
        Set<String> solved = new TreeSet<>();
        for (Map<String, Object> item : allItems("winogrande")) {
            String option = "1".equals(item.get("answer")) ? "option1" : "option2";
            solved.add(String.valueOf(item.get("sentence")).replace("_", String.valueOf(item.get(option))));
        }

        assertThat(found(solved, sample)).isEmpty();
    }

    @Test
    void theSearchForLeaksFindsWhatIsThere() {
        String present = sample.substring(sample.length() / 2, sample.length() / 2 + 60);

        assertThat(found(Set.of(present, present + "?!"), sample)).containsExactly(present);
    }

    @ParameterizedTest
    @ValueSource(strings = {"openbookqa", "arc_easy", "arc_challenge", "hellaswag"})
    void choicesAreThreeOrFourAndDifferent(String name) {
        for (Map<String, Object> item : allItems(name)) {
            List<String> texts = Choices.of(item).texts();
            assertThat(texts).hasSizeBetween(3, 4).doesNotHaveDuplicates();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"openbookqa", "winogrande", "piqa", "hellaswag", "boolq", "arc_easy", "arc_challenge"})
    void majorityAndUnigramGuessersStayNearChance(String name) throws IOException {
        Baselines baselines = Baselines.of(allItems(name).subList(0, WorldFiles.ITEMS), words);
        double bound = baselines.chance() + STANDARD_ERRORS * baselines.standardError();

        assertThat(baselines.majority()).isLessThan(bound);
        assertThat(baselines.unigram()).isLessThan(bound);
        assertThat(baselines.unigramPerLetter()).isLessThan(bound);
        assertThat(Files.readAllLines(FOLDER.resolve("README.md"))).contains(baselines.row(name));
    }

    @Test
    void sameSeedGivesTheSameDocument() {
        WorldText other = new WorldText(World.of(World.SEED), 1);

        assertThat(other.document(17, 0.5)).isEqualTo(TEXT.document(17, 0.5));
        assertThat(new WorldText(World.of(World.SEED), 2).document(17, 0.5)).isNotEqualTo(TEXT.document(17, 0.5));
    }

    @Test
    void spansCoverEveryCharacterButSpaces() {
        for (int i = 0; i < 300; i++) {
            LabelledText document = TEXT.document(i, i / 300.0);
            boolean[] covered = new boolean[document.text().length()];
            for (LabelledText.Span span : document.spans()) {
                for (int c = span.start(); c < span.end(); c++) {
                    assertThat(covered[c])
                            .as("overlap at %s of %s", c, document.text())
                            .isFalse();
                    covered[c] = true;
                }
            }
            for (int c = 0; c < covered.length; c++) {
                assertThat(covered[c] || document.text().charAt(c) == ' ')
                        .as("%s of %s", c, document.text())
                        .isTrue();
            }
        }
    }

    private static List<Map<String, Object>> allItems(String name) {
        return new WorldBenchmarks(World.of(World.SEED)).items(name, WorldFiles.ITEMS + WorldFiles.SHOTS, World.SEED);
    }

    /** Those of the texts which occur in the sample. */
    private static List<String> found(Set<String> texts, String sample) {
        int head = texts.stream().mapToInt(String::length).min().orElseThrow();
        Map<String, List<String>> byHead =
                texts.stream().collect(Collectors.groupingBy(text -> text.substring(0, head)));
        Set<String> found = new TreeSet<>();
        for (int at = 0; at + head <= sample.length(); at++) {
            for (String text : byHead.getOrDefault(sample.substring(at, at + head), List.of())) {
                if (sample.startsWith(text, at)) {
                    found.add(text);
                }
            }
        }
        return List.copyOf(found);
    }
}
