package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Folders in the shapes of well-known tokenizers give the ids of transformers for hard texts. */
class TokenizerShapesGoldenTest {
    private static final Path SHAPES = Path.of("src/test/resources/golden/tokenizer/shapes");

    static List<String> shapes() throws IOException {
        try (Stream<Path> folders = Files.list(SHAPES)) {
            return folders.filter(Files::isDirectory)
                    .map(folder -> folder.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    @Test
    void thereAreAsManyAsTheScriptMakes() throws IOException {
        assertThat(shapes()).hasSize(21);
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void idsMarksAndTextsAreThoseOfTransformers(String shape) throws Exception {
        Path folder = SHAPES.resolve(shape);
        JsonArray cases = JsonParser.parseString(Files.readString(folder.resolve("expected.json")))
                .getAsJsonArray();
        Tokenizer tokenizer = Tokenizers.open(folder);
        List<String> differing = new ArrayList<>();
        for (JsonElement element : cases) {
            JsonObject one = element.getAsJsonObject();
            String text = one.get("text").getAsString();
            compare(differing, text, "ids", tokenizer.encode(text), one.getAsJsonArray("ids"));
            compare(differing, text, "marked", tokenizer.encodeWithMarks(text), one.getAsJsonArray("marked"));
            String back = tokenizer.decode(tokenizer.encode(text));
            if (!back.equals(one.get("decoded").getAsString())) {
                differing.add("\"" + text + "\" comes back as \"" + back + "\"");
            }
        }
        if (tokenizer instanceof AutoCloseable closeable) {
            closeable.close();
        }

        assertThat(cases).hasSizeGreaterThan(15);
        assertThat(differing).isEmpty();
    }

    private static void compare(List<String> differing, String text, String what, int[] found, JsonArray expected) {
        int[] ids = expected.asList().stream().mapToInt(JsonElement::getAsInt).toArray();
        if (!Arrays.equals(found, ids)) {
            differing.add(
                    what + " of \"" + text + "\": " + Arrays.toString(found) + ", expected " + Arrays.toString(ids));
        }
    }
}
