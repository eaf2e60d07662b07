package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.report.Sha256;

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
            assertThat(data.items().stream()
                            .map(item -> Sha256.of(item.contexts().get(0)).substring(0, 16)))
                    .as(task + " with " + shots + " shots")
                    .containsExactlyElementsOf(expected);
        }
    }
}
