package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TaskDataTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @Test
    void malformedRecordsAreNamedByLineAndTheRestIsKept() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(line("{\"goal\": \"a\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 1}"));
        bytes.write(line("{\"goal\": \"a\", \"sol1\": \"b\", \"label\": 1}"));
        bytes.write(line("{\"goal\": \"a\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 2}"));
        bytes.write(line("{\"goal\": \"a\", \"sol1\": \"\", \"sol2\": \"c\", \"label\": 0}"));
        bytes.write(new byte[] {'{', '"', (byte) 0xC3, '"', '}', '\n'});
        bytes.write(
                line("{\"goal\": \"" + "x".repeat(1_000_000) + "\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 0}"));
        bytes.write(line("{\"goal\": \"z\", \"sol1\": \"b\", \"sol2\": \"c\", \"label\": 0}"));
        Path file = folder.resolve("piqa.jsonl");
        Files.write(file, bytes.toByteArray());

        TaskData data = TaskData.read(Tasks.named("piqa"), file);

        assertThat(data.items()).extracting(Item::line).containsExactly(1L, 7L);
        assertThat(data.faults()).extracting(fault -> fault.line()).containsExactly(2L, 3L, 4L, 5L, 6L);
        assertThat(data.faults().get(0).toString()).contains("piqa.jsonl:2").contains("sol2");
        assertThat(data.faults().get(1).problem()).contains("\"2\"").contains("0..1");
        assertThat(data.faults().get(2).problem()).contains("empty choice");
        assertThat(data.faults().get(3).problem()).containsIgnoringCase("utf-8");
        assertThat(data.faults().get(4).problem())
                .contains("1000018 characters")
                .contains("200000");
    }

    private static byte[] line(String text) {
        return (text + "\n").getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void everyDescriptionOfTheLibraryCanBeRead() {
        assertThat(Tasks.names())
                .hasSize(27)
                .allSatisfy(name -> assertThat(Tasks.named(name).version()).isNotBlank());
    }

    @Test
    void recordsOfTheAuthorsOwnFilesGiveTheSameQuestions() throws IOException {
        String arc =
                "{\"id\": \"1\", \"question\": {\"stem\": \"Which?\", \"choices\": [{\"text\": \"this\", \"label\": \"A\"},"
                        + " {\"text\": \"that\", \"label\": \"B\"}]}, \"answerKey\": \"B\"}";
        String hub = "{\"id\": \"1\", \"question\": \"Which?\", \"choices\": {\"text\": [\"this\", \"that\"],"
                + " \"label\": [\"A\", \"B\"]}, \"answerKey\": \"B\"}";

        TaskData own = fitted("arc_easy", arc);
        TaskData parquet = fitted("arc_easy", hub);
        TaskData stem = fitted("openbookqa", arc);
        TaskData bool = fitted("boolq", "{\"question\": \"is it\", \"answer\": true, \"passage\": \"It is.\"}");

        assertThat(own.items()).hasSize(1);
        assertThat(own.items().get(0).gold()).isEqualTo(1);
        assertThat(own.items().get(0).continuations())
                .isEqualTo(parquet.items().get(0).continuations());
        assertThat(own.items().get(0).contexts().get(0)).isEqualTo("Question: Which?\nAnswer:");
        assertThat(stem.items().get(0).contexts().get(0)).isEqualTo("Which?");
        assertThat(bool.items().get(0).gold()).isEqualTo(1);
        assertThat(bool.task().version()).endsWith("f");
    }

    private TaskData fitted(String name, String record) throws IOException {
        Path file = Files.writeString(folder.resolve(name + ".jsonl"), record + "\n");
        return TaskData.read(Tasks.fitting(Tasks.named(name), file), file);
    }

    @Test
    void theHarnessCleaningAndCapitalsAreKept() {
        assertThat(Template.hellaswag(" [header] How to [title] Dry it.  Now [step]  go "))
                .isEqualTo(" How to. Dry it. Now  go");
        assertThat(Template.capitalize("éCOLE de Paris")).isEqualTo("École de paris");
    }

    @Test
    void theExactTestOfDiscordantPairsIsTheBinomial() {
        // 2 (C(10,0) + C(10,1)) / 2^10
        assertThat(McNemar.twoSided(1, 9)).isCloseTo(22.0 / 1024, within(1e-12));
        assertThat(McNemar.twoSided(5, 5)).isEqualTo(1);
    }
}
