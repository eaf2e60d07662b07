package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.data.DataException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.Json;

/** Tokenizers of GGUF files give the ids of the tokenizers and sentencepiece libraries; see make_gguf_tokens.py. */
class GgufTokensTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/gguf");

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "llama"})
    void everyTextHasTheIdsOfAnotherLibrary(String kind) {
        JsonObject golden = Json.object(GOLDEN.resolve("tokens.json"));
        List<String> texts = List.of(new Gson().fromJson(golden.get("texts"), String[].class));
        int[][] ids = new Gson().fromJson(golden.getAsJsonObject("ids").get(kind), int[][].class);
        Tokenizer tokenizer = tokenizer(kind, Map.of());
        boolean marks = kind.startsWith("llama");
        for (int i = 0; i < ids.length; i++) {
            int[] found = marks ? tokenizer.encodeWithBos(texts.get(i)) : tokenizer.encode(texts.get(i));
            assertThat(found).as("%s: %s", kind, texts.get(i)).isEqualTo(ids[i]);
        }
    }

    @Test
    void allNamesOfLlama3sWordsMeanTheSame() {
        String text = "They'll say IT'S 1234567 o'clock";
        assertThat(tokenizer("llama-bpe", Map.of("tokenizer.ggml.pre", "llama3"))
                        .encodeWithBos(text))
                .isEqualTo(tokenizer("llama-bpe", Map.of()).encodeWithBos(text));
    }

    @Test
    void whatIsNotKnownIsRefusedByName() {
        assertThatThrownBy(() -> tokenizer("gpt-2", Map.of("tokenizer.ggml.pre", "tekken")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tekken")
                .hasMessageContaining("llama-bpe");
        assertThatThrownBy(() -> tokenizer("gpt-2", Map.of("tokenizer.ggml.model", "rwkv")))
                .hasMessageContaining("rwkv");
        assertThatThrownBy(() -> tokenizer("gpt-2", Map.of("tokenizer.ggml.bos_token_id", 100_000L)))
                .hasMessageContaining("100000");
    }

    @Test
    void aScoreThatIsNoneAndABytePieceThatIsNoneAreRefused() {
        List<?> scores = list("tokenizer.ggml.scores");
        for (Object wrong : List.of("high", Float.NaN)) {
            assertThatThrownBy(() -> tokenizer(
                            "llama", Map.of("tokenizer.ggml.scores", Collections.nCopies(scores.size(), wrong))))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("tokens.gguf", "token 0", "score");
        }
        List<Object> texts = new ArrayList<>(list("tokenizer.ggml.tokens"));
        texts.replaceAll(text -> text.equals("<0x0A>") ? "<0x0G>" : text);
        assertThatThrownBy(() -> tokenizer("llama", Map.of("tokenizer.ggml.tokens", texts)))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("tokens.gguf", "<0x0G>", "allowed");
    }

    private static List<?> list(String name) {
        try (GgufFile file = GgufFile.open(GOLDEN.resolve("tokens-llama.gguf"))) {
            return (List<?>) Objects.requireNonNull(file.values().get(name), name);
        }
    }

    private static Tokenizer tokenizer(String kind, Map<String, Object> changed) {
        try (GgufFile file = GgufFile.open(GOLDEN.resolve("tokens-" + kind + ".gguf"))) {
            Map<String, Object> values = new HashMap<>(file.values());
            values.putAll(changed);
            return GgufTokens.of("tokens.gguf", values);
        }
    }
}
