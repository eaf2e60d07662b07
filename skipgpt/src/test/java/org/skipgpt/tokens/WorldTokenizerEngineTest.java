package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tokenizer of the embedded world against ids which Hugging Face tokenizers gave in Python. */
class WorldTokenizerEngineTest {
    private static final Path STORED =
            Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world/tokenizer.json");
    private static final int CASES = 18;
    private static final int[] MARK_IDS = {0, 1, 2};

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private record Golden(String text, int[] ids, int[] ids_with_bos, String decoded) {}

    @Test
    void idsAndTextsAreThoseOfPython() throws IOException {
        Golden[] cases = golden();

        assertThat(cases).hasSize(CASES);
        try (HuggingFaceTokens tokens = HuggingFaceTokens.open(STORED)) {
            for (Golden one : cases) {
                assertThat(tokens.encode(one.text)).as(one.text).isEqualTo(one.ids);
                assertThat(tokens.decode(one.ids)).as(one.text).isEqualTo(one.decoded);
                assertThat(one.ids_with_bos[0]).isEqualTo(tokens.bos().orElseThrow());
            }
            assertThat(tokens.addsBos()).isTrue();
            assertThat(tokens.eos()).hasValue(2);
            assertThat(tokens.vocabSize()).isEqualTo(3_072);
        }
    }

    @Test
    void readablePiecesShowSpacesLineEndsAndPartsOfCharacters() {
        try (HuggingFaceTokens tokens = HuggingFaceTokens.open(STORED)) {
            String all = Arrays.stream(tokens.encodeWithBos("Anna lives\nin a café\u20AC."))
                    .mapToObj(tokens::readable)
                    .collect(Collectors.joining());

            assertThat(all)
                    .startsWith(tokens.piece(1) + "Anna▁lives↵in▁a▁caf")
                    .endsWith("<0xC3><0xA9><0xE2><0x82><0xAC>.");
        }
    }

    @Test
    void anyTextComesBackAndHasNoUnknownPiece() {
        try (HuggingFaceTokens tokens = HuggingFaceTokens.open(STORED)) {
            for (int seed = 0; seed < 200; seed++) {
                String text = oddText(seed);
                int[] ids = tokens.encode(text);
                assertThat(ids).as(text).doesNotContain(MARK_IDS);
                assertThat(tokens.decode(ids)).isEqualTo(text);
            }
        }
    }

    @Test
    void aFreshlyTrainedTokenizerOpensAndBringsTextBack() throws IOException {
        Path file = folder.resolve("tokenizer.json");
        String known = "the fox lives in the den";
        BpeTrainer.train(Collections.nCopies(5, known).iterator(), 300).save(file);

        try (HuggingFaceTokens tokens = HuggingFaceTokens.open(file)) {
            assertThat(tokens.encode(known)).hasSize(6);
            assertThat(tokens.bos()).hasValue(1);
            for (int seed = 0; seed < 50; seed++) {
                String text = oddText(seed);
                assertThat(tokens.decode(tokens.encode(text))).isEqualTo(text);
            }
        }
    }

    /** Characters from all planes, surrogates left out, with spaces and line ends between them. */
    private static String oddText(long seed) {
        return new Random(seed)
                .ints(80, 0, Character.MAX_CODE_POINT + 1)
                .map(c -> c % 4 == 0 ? " \n\t\r".charAt(c / 4 % 4) : c % 4 == 1 ? c % 0x800 : c)
                .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
                .mapToObj(Character::toString)
                .collect(Collectors.joining());
    }

    private static Golden[] golden() throws IOException {
        return new Gson()
                .fromJson(Files.readString(Path.of("src/test/resources/golden/tokenizer/world.json")), Golden[].class);
    }
}
