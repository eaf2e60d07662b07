package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.report.Sha256;

/** Contexts, filters and exact_match of generated answers are those of lm-evaluation-harness 0.4.9. */
class AnswersGoldenTest {
    private static final Path GOLDEN = Path.of("src/test/resources/golden/harness/expected/answers.json");

    @ParameterizedTest
    @CsvSource({
        "gsm8k, gsm8k, strict-match",
        "gsm8k-flexible, gsm8k, flexible-extract",
        "triviaqa, triviaqa, remove_whitespace"
    })
    void theHarnessReadsAndComparesAnswersAlike(String name, String source, String filter, @TempDir Path folder)
            throws IOException {
        JsonObject golden = JsonParser.parseString(Files.readString(GOLDEN))
                .getAsJsonObject()
                .getAsJsonObject(source);
        TaskDescription task = Tasks.named(name);
        AnswerRules rules = task.answer().orElseThrow();
        assertThat(rules.stop()).isEqualTo(texts(golden.getAsJsonArray("until")));
        StringBuilder lines = new StringBuilder();
        golden.getAsJsonArray("records").forEach(record -> lines.append(record).append('\n'));
        Path file = folder.resolve("data.jsonl");
        Files.writeString(file, lines);

        TaskData data = TaskData.read(task, file, file, 2);

        assertThat(data.faults()).isEmpty();
        assertThat(data.items().stream()
                        .map(item -> Sha256.of(item.contexts().get(0)).substring(0, 16)))
                .containsExactlyElementsOf(texts(golden.getAsJsonArray("contexts")));
        List<JsonElement> answers =
                golden.getAsJsonObject("answers").getAsJsonArray(filter).asList();
        assertThat(answers).hasSizeGreaterThanOrEqualTo(16);
        // Records with answers come first, each with as many.
        int each = source.equals("gsm8k") ? 6 : 8;
        for (int i = 0; i < answers.size(); i++) {
            JsonObject one = answers.get(i).getAsJsonObject();
            String text = one.get("text").getAsString();
            List<String> right = data.items().get(i / each).continuations().stream()
                    .map(choice -> choice.substring(1))
                    .toList();
            assertThat(rules.read(text)).as(text).isEqualTo(one.get("read").getAsString());
            assertThat(rules.accepts(text, right))
                    .as(text)
                    .isEqualTo(one.get("right").getAsBoolean());
        }
    }

    private static List<String> texts(JsonArray array) {
        return array.asList().stream().map(JsonElement::getAsString).toList();
    }
}
