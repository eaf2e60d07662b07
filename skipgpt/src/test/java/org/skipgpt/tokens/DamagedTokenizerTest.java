package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.data.DataException;

/** Files that end the process inside the native library are refused before it sees them. */
class DamagedTokenizerTest {
    private static final String SHAPES = "src/test/resources/golden/tokenizer/shapes";

    static List<Path> damaged() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src/test/resources/faults/tokenizer"))) {
            return files.sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("damaged")
    void aDamagedTokenizerIsAnErrorThatNamesTheField(Path file) {
        assertThatThrownBy(() -> HuggingFaceTokens.open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file.getFileName().toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"normalizer\":[\"\"],MODEL}",
                "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"},MODEL}",
                "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"x\"},MODEL}",
                "{\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"\\ud800\"},MODEL}",
                "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\",\"prepend_scheme\":\"always\"},MODEL}",
                "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a{1,100000}\"},\"behavior\":\"Isolated\","
                        + "\"invert\":false},MODEL}",
                "{\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",-1],\"cls\":[\"a\",0]},MODEL}",
                "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[],\"pair\":[],\"special_tokens\":{}},"
                        + "MODEL}",
                "{\"decoder\":{\"type\":\"Sequence\",\"decoders\":5},MODEL}",
                "{\"decoder\":{\"type\":\"Strip\",\"content\":\"a\",\"start\":-1,\"stop\":0},MODEL}",
                "{\"padding\":{\"strategy\":\"Some\"},MODEL}",
                "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}",
                "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}",
                "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"}}",
                "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"u\"}}",
                "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":3}}",
                "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}",
                "{\"surprise\":1,MODEL}"
            })
    void aPartThatTheLibraryCouldNotTakeIsRefused(String json, @TempDir Path folder) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(
                file, json.replace("MODEL", "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}"));

        assertThatThrownBy(() -> HuggingFaceTokens.open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer.json");
    }

    @Test
    void partsWithinPartsAreReadToABound(@TempDir Path folder) throws IOException {
        String part = "{\"type\":\"NFC\"}";
        for (int i = 0; i < 40; i++) {
            part = "{\"type\":\"Sequence\",\"normalizers\":[" + part + "]}";
        }
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(
                file, "{\"normalizer\":" + part + ",\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}");

        assertThatThrownBy(() -> HuggingFaceTokens.open(file)).hasMessageContaining("at most 8 parts");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"bos_token\": 5}",
                "{\"bos_token\": {\"content\": [1]}}",
                "{\"add_bos_token\": \"yes\"}",
                "{\"add_prefix_space\": 1, \"added_tokens_decoder\": {\"x\": {\"content\": \"<s>\"}}}",
                "{\"added_tokens_decoder\": {\"7\": {\"content\": \"<s>\"}}}",
                "{\"additional_special_tokens\": 3}"
            })
    void aDamagedConfigurationIsAnErrorThatNamesTheField(String config, @TempDir Path folder) throws IOException {
        Files.writeString(
                folder.resolve("tokenizer.json"), "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}");
        Files.writeString(folder.resolve("tokenizer_config.json"), config);

        assertThatThrownBy(() -> HuggingFaceTokens.open(folder.resolve("tokenizer.json")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("token");
    }

    @Test
    void halfACharacterIsNoText(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.writeString(file, "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}");
        try (HuggingFaceTokens tokens = HuggingFaceTokens.open(file)) {
            assertThatThrownBy(() -> tokens.encode("a\ud800"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("surrogate");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "5", "[]", "{}", "{\"content\":5}"})
    void anEntryThatIsNoTokenIsToldWithItsPlace(String entry, @TempDir Path folder) throws IOException {
        Files.copy(Path.of(SHAPES, "smollm/tokenizer.json"), folder.resolve("tokenizer.json"));
        Files.writeString(
                folder.resolve("special_tokens_map.json"),
                "{\"additional_special_tokens\":[\"<|im_end|>\"," + entry + "]}");

        assertThatThrownBy(() -> Tokenizers.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("special_tokens_map.json", "additional_special_tokens[1]");
    }
}
