package org.skipgpt.data.world;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorldFilesTest {
    private static final Path FOLDER =
            Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world");
    private static final int SAMPLE = 5_000;

    /** Four standard errors of a guesser with chance 1/2 on 300 items. */
    private static final double CHANCE_BOUND = 0.12;

    private static final WorldText TEXT = new WorldText(World.of(World.SEED), 1);

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
        String sample = sample();
        for (String name : WorldBenchmarks.NAMES) {
            for (Map<String, Object> item : items(name)) {
                for (String field : List.of("question_stem", "sentence", "goal", "ctx", "passage", "question")) {
                    if (item.get(field) instanceof String text) {
                        assertThat(sample.contains(text)).as(text).isFalse();
                    }
                }
            }
        }
    }

    @Test
    void noSolvedSentenceOccursInTrainingText() {
        String sample = sample();
        for (Map<String, Object> item : items("winogrande")) {
            String option = "1".equals(item.get("answer")) ? "option1" : "option2";
            String solved = String.valueOf(item.get("sentence")).replace("_", String.valueOf(item.get(option)));
            assertThat(sample.contains(solved)).as(solved).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"openbookqa", "winogrande", "piqa", "hellaswag", "boolq", "arc_easy", "arc_challenge"})
    void majorityAndUnigramGuessersStayNearChance(String name) {
        Map<String, Integer> counts = new HashMap<>();
        for (String word : sample().toLowerCase(Locale.ROOT).split("[^a-z]+")) {
            counts.merge(word, 1, Integer::sum);
        }
        int right = 0;
        double chance = 0;
        int[] positions = new int[4];
        List<Map<String, Object>> items = items(name);
        for (Map<String, Object> item : items) {
            Choices choices = choices(item);
            int guess = 0;
            for (int i = 1; i < choices.text.size(); i++) {
                guess = score(choices.text.get(i), counts) > score(choices.text.get(guess), counts) ? i : guess;
            }
            right += guess == choices.answer ? 1 : 0;
            positions[choices.answer]++;
            chance += 1.0 / choices.text.size();
        }

        double n = items.size();
        assertThat(right / n).isLessThan(chance / n + CHANCE_BOUND);
        assertThat(Arrays.stream(positions).max().orElse(0) / n).isLessThan(chance / n + CHANCE_BOUND);
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

    private record Choices(List<String> text, int answer) {}

    private static Choices choices(Map<String, Object> item) {
        JsonObject json = JsonParser.parseString(new Gson().toJson(item)).getAsJsonObject();
        if (json.has("choices")) {
            JsonObject choices = json.getAsJsonObject("choices");
            return new Choices(
                    strings(choices.getAsJsonArray("text")),
                    strings(choices.getAsJsonArray("label"))
                            .indexOf(json.get("answerKey").getAsString()));
        }
        if (json.has("endings")) {
            return new Choices(
                    strings(json.getAsJsonArray("endings")), json.get("label").getAsInt());
        }
        if (json.has("sol1")) {
            return new Choices(
                    List.of(json.get("sol1").getAsString(), json.get("sol2").getAsString()),
                    json.get("label").getAsInt());
        }
        if (json.has("option1")) {
            return new Choices(
                    List.of(
                            json.get("option1").getAsString(),
                            json.get("option2").getAsString()),
                    json.get("answer").getAsInt() - 1);
        }
        return new Choices(List.of("no", "yes"), json.get("label").getAsInt());
    }

    private static List<String> strings(JsonArray array) {
        List<String> all = new ArrayList<>();
        array.forEach(e -> all.add(e.getAsString()));
        return all;
    }

    private static double score(String text, Map<String, Integer> counts) {
        double sum = 0;
        String[] words = text.toLowerCase(Locale.ROOT).split("[^a-z]+");
        for (String word : words) {
            sum += Math.log(1 + counts.getOrDefault(word, 0));
        }
        return sum / words.length;
    }

    private static List<Map<String, Object>> items(String name) {
        return new WorldBenchmarks(World.of(World.SEED))
                .items(name, WorldFiles.ITEMS + WorldFiles.SHOTS, World.SEED)
                .subList(0, WorldFiles.ITEMS);
    }

    private static String sample() {
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < SAMPLE; i++) {
            all.append(TEXT.document(i, i / (double) SAMPLE).text()).append("\n\n");
        }
        return all.toString();
    }
}
