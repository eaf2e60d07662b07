package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** llama.cpp's test vectors (46 texts each): ids without BOS, and the text back. */
class TokenizerGoldenTest {
    private static final int CASES = 46;

    @ParameterizedTest
    @CsvSource({
        "llama-spm, tokenizer-llama2/tokenizer.model",
        "llama-spm, tokenizer-llama2/tokenizer.bin",
        "llama-spm, tokenizer-llama2/tokenizer.json",
        "llama-bpe, tokenizer-llama3/tokenizer.model",
        "gpt-2, tokenizer-gpt2/vocab.json"
    })
    void idsAndTextsAgreeWithTheVectors(String vectors, String file) throws Exception {
        Path data = shared().resolve("data");
        Path folder = data.resolve("tokenizer-testvectors");
        List<String> texts = texts(folder.resolve("ggml-vocab-" + vectors + ".gguf.inp"));
        List<int[]> ids = ids(folder.resolve("ggml-vocab-" + vectors + ".gguf.out"));
        Tokenizer tokenizer = Tokenizers.open(data.resolve(file));

        List<String> differing = new ArrayList<>();
        for (int i = 0; i < CASES; i++) {
            int[] found = tokenizer.encode(texts.get(i));
            if (!Arrays.equals(found, ids.get(i))) {
                differing.add("\"" + texts.get(i) + "\" gives " + Arrays.toString(found) + ", expected "
                        + Arrays.toString(ids.get(i)));
            } else if (!tokenizer.decode(found).equals(texts.get(i))) {
                differing.add("\"" + texts.get(i) + "\" comes back as \"" + tokenizer.decode(found) + "\"");
            }
        }
        if (tokenizer instanceof AutoCloseable closeable) {
            closeable.close();
        }

        assertThat(texts).hasSize(CASES);
        assertThat(ids).hasSize(CASES);
        assertThat(differing).isEmpty();
    }

    static List<String> texts(Path file) throws IOException {
        return List.of(Files.readString(file).split("\n__ggml_vocab_test__\n", -1))
                .subList(0, CASES);
    }

    static List<int[]> ids(Path file) throws IOException {
        return Files.readAllLines(file).stream()
                .map(line -> Arrays.stream(line.strip().split(" +"))
                        .filter(word -> !word.isEmpty())
                        .mapToInt(Integer::parseInt)
                        .toArray())
                .toList();
    }

    static Path shared() {
        String set = System.getenv("SKIPGPT_SHARED");
        Path shared = set == null ? Path.of(System.getProperty("skipgpt.root", "."), "..", "shared") : Path.of(set);
        assumeTrue(Files.isDirectory(shared), "no shared data at " + shared + "; set SKIPGPT_SHARED");
        return shared;
    }
}
