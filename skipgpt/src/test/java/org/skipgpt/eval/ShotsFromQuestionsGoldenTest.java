package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Examples drawn from the scored questions are those that lm-evaluation-harness draws, whatever their part is called. */
class ShotsFromQuestionsGoldenTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden/harness");

    @ParameterizedTest
    @CsvSource({"arc_easy, test", "openbookqa, test", "piqa, validation"})
    void theHarnessPutsTheSameExamplesBeforeEachQuestion(String task, String split) throws IOException {
        Path questions = FOLDER.resolve("items/" + task + "." + split + ".jsonl");
        JsonObject all = JsonParser.parseString(Files.readString(FOLDER.resolve("expected/shots-from-questions.json")))
                .getAsJsonObject();

        for (int shots : new int[] {2, 6}) {
            TaskData data = TaskData.read(Tasks.named(task), questions, questions, shots);

            List<String> expected = all.getAsJsonArray(task + "." + shots + "shot").asList().stream()
                    .map(one -> one.getAsString())
                    .toList();
            assertThat(expected).hasSizeGreaterThanOrEqualTo(50);
            assertThat(data.items().stream().map(item -> sum(item.contexts().get(0))))
                    .as(task + " with " + shots + " shots")
                    .containsExactlyElementsOf(expected);
        }
    }

    private static String sum(String context) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(context.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest).substring(0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
