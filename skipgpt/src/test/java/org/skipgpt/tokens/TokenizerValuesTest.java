package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.data.DataException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.Json;

/** A tokenizer written as the values of a GGUF file and read from them gives the same ids for hard texts. */
class TokenizerValuesTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final Path SHAPES = GOLDEN.resolve("tokenizer/shapes");

    @ParameterizedTest
    @CsvSource({
        "added-json, gpt-2",
        "extra-special, gpt-2",
        "gpt2, gpt-2",
        "gpt2-files, gpt-2",
        "gpt2-no-prefix, gpt-2",
        "llama3, llama-bpe",
        "qwen2, qwen2",
        "qwen2-files, qwen2",
        "smollm, smollm"
    })
    void byteLevelTokenizersGiveTheIdsOfTransformers(String shape, String pre) throws IOException {
        Path folder = SHAPES.resolve(shape);
        Tokenizer own = Tokenizers.open(folder);
        int rows = own.vocabSize() + 3;
        Map<String, Object> values = TokenizerValues.of(folder, own, rows);

        assertThat(values).containsEntry("tokenizer.ggml.model", "gpt2").containsEntry("tokenizer.ggml.pre", pre);
        assertThat((List<?>) values.get("tokenizer.ggml.tokens")).hasSize(rows);
        Tokenizer again = GgufTokens.of("written", values);
        int texts = 0;
        for (JsonElement element : JsonParser.parseString(Files.readString(folder.resolve("expected.json")))
                .getAsJsonArray()) {
            String text = element.getAsJsonObject().get("text").getAsString();
            int[] ids = element.getAsJsonObject().getAsJsonArray("ids").asList().stream()
                    .mapToInt(JsonElement::getAsInt)
                    .toArray();
            assertThat(again.encode(text)).as(text).isEqualTo(ids);
            assertThat(again.encodeWithBos(text)).as(text).isEqualTo(own.encodeWithBos(text));
            assertThat(again.decode(ids)).as(text).isEqualTo(own.decode(ids));
            texts++;
        }
        assertThat(texts).isGreaterThan(15);
        sameMarks(again, own);
    }

    private static void sameMarks(Tokenizer again, Tokenizer own) {
        assertThat(again.bos()).isEqualTo(own.bos());
        assertThat(again.eos()).isEqualTo(own.eos());
        assertThat(again.ends()).isEqualTo(own.ends());
        assertThat(again.addsBos()).isEqualTo(own.addsBos());
        assertThat(again.addsEos()).isEqualTo(own.addsEos());
    }

    @ParameterizedTest
    @ValueSource(strings = {"added-decoder", "gpt2-prefix", "metaspace", "unigram", "wordpiece", "gemma", "llama2"})
    void whatHasNoFormInGgufIsRefused(String shape) {
        Tokenizer own = Tokenizers.open(SHAPES.resolve(shape));
        assertThatThrownBy(() -> TokenizerValues.of(SHAPES.resolve(shape), own, own.vocabSize()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("GGUF");
    }

    @ParameterizedTest
    @CsvSource({
        "llama-spm, tokenizer-llama2/tokenizer.model",
        "llama-spm, tokenizer-llama2/tokenizer.bin",
        "llama-spm, tokenizer-llama2",
        "gpt-2, tokenizer-gpt2"
    })
    void llamaCppsOwnTextsHaveItsIds(String vectors, String where) throws IOException {
        Path data = TokenizerGoldenTest.shared().resolve("data");
        Path folder = data.resolve("tokenizer-testvectors");
        Tokenizer own = Tokenizers.open(data.resolve(where));
        Tokenizer again = GgufTokens.of("written", TokenizerValues.of(data.resolve(where), own, own.vocabSize()));
        List<String> texts = TokenizerGoldenTest.texts(folder.resolve("ggml-vocab-" + vectors + ".gguf.inp"));
        List<int[]> ids = TokenizerGoldenTest.ids(folder.resolve("ggml-vocab-" + vectors + ".gguf.out"));

        assertThat(texts).hasSize(46);
        for (int i = 0; i < texts.size(); i++) {
            assertThat(again.encode(texts.get(i))).as(texts.get(i)).isEqualTo(ids.get(i));
        }
        sameMarks(again, own);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "llama"})
    void theValuesOfAFileAreTheSameValues(String kind) {
        Path path = GOLDEN.resolve("gguf/tokens-" + kind + ".gguf");
        try (GgufFile file = GgufFile.open(path)) {
            Tokenizer own = GgufTokens.of("file", file.values());

            Map<String, Object> values = TokenizerValues.of(path, own, own.vocabSize());

            assertThat(values)
                    .hasSizeGreaterThan(5)
                    .allSatisfy((name, value) -> assertThat(file.values()).containsEntry(name, value));
        }
    }

    @Test
    void endsAndTheChatTemplateComeBack(@TempDir Path folder) throws IOException {
        Path shape = SHAPES.resolve("llama3");
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(shape.resolve(name), folder.resolve(name));
        }
        Tokenizer plain = Tokenizers.open(folder);
        int end = plain.eos().orElseThrow();
        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [" + end + ", 5, 9]}");
        Files.writeString(
                folder.resolve("chat_template.jinja"),
                "{% for m in messages %}{{ bos_token }}{{ m['role'] }}: {{ m['content'] }}{% endfor %}");
        Tokenizer own = Tokenizers.open(folder);

        Map<String, Object> values = TokenizerValues.of(folder, own, own.vocabSize());
        Tokenizer again = GgufTokens.of("written", values);

        assertThat(values).containsEntry("tokenizer.ggml.eot_token_id", 5L);
        assertThat(values).containsEntry("tokenizer.ggml.eom_token_id", 9L);
        assertThat(again.ends()).containsExactlyInAnyOrder(end, 5, 9).isEqualTo(own.ends());
        List<ChatMessage> talk = List.of(ChatMessage.user("Hello!"));
        assertThat(again.encodeChat(talk)).isEqualTo(own.encodeChat(talk)).hasSizeGreaterThan(5);

        Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [" + end + ", 5, 9, 11]}");
        Tokenizer many = Tokenizers.open(folder);
        assertThatThrownBy(() -> TokenizerValues.of(folder, many, many.vocabSize()))
                .hasMessageContaining("room for 3 ends");
    }

    @Test
    void anotherModelsTokenizerAndOneThatIsTooLargeAreRefused() {
        Tokenizer own = Tokenizers.open(SHAPES.resolve("smollm"));
        assertThatThrownBy(() -> TokenizerValues.of(SHAPES.resolve("qwen2"), own, 10_000))
                .hasMessageContaining("not the model's");
        assertThatThrownBy(() -> TokenizerValues.of(SHAPES.resolve("smollm"), own, own.vocabSize() - 1))
                .hasMessageContaining(String.valueOf(own.vocabSize()))
                .hasMessageContaining("rows");
    }

    @Test
    void wordsThatHaveNoNameAndTokensThatSwallowSpacesAreRefused(@TempDir Path folder) throws IOException {
        JsonObject json = Json.object(SHAPES.resolve("smollm/tokenizer.json"));
        List<String> told = new ArrayList<>();
        for (String fault : List.of("lstrip", "dropout", "individual_digits")) {
            JsonObject changed = json.deepCopy();
            if (fault.equals("lstrip")) {
                changed.getAsJsonArray("added_tokens").get(0).getAsJsonObject().addProperty(fault, true);
            } else if (fault.equals("dropout")) {
                changed.getAsJsonObject("model").addProperty(fault, 0.1);
            } else {
                changed.getAsJsonObject("pre_tokenizer")
                        .getAsJsonArray("pretokenizers")
                        .get(0)
                        .getAsJsonObject()
                        .addProperty(fault, false);
            }
            Files.writeString(folder.resolve("tokenizer.json"), changed.toString());
            Tokenizer own = Tokenizers.open(folder);
            assertThatThrownBy(() -> TokenizerValues.of(folder, own, own.vocabSize()))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(fault);
            told.add(fault);
        }
        assertThat(told).hasSize(3);
    }
}
