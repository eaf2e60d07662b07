package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.DecoderConfig;

class ScoringEndTest {
    /** Scores questions without end, in a process of its own. */
    static final class Endless {
        private Endless() {}

        public static void main(String[] arguments) {
            Path folder = Path.of(arguments[0]);
            SkipGpt.workspace("cpu", "fp32");
            int vocabulary = SkipGpt.tokenizer().vocabSize();
            LanguageModel model = SkipGpt.random(DecoderConfig.llama(vocabulary, 64, 176, 4, 4, 2), 1);
            ScoreOptions options = ScoreOptions.defaults().withBatchTokens(256);
            Path store = folder.resolve("scores.jsonl");
            TaskData data = TaskData.read(Tasks.named("piqa"), folder.resolve("piqa.jsonl"));
            new Scorer(model, options, ScoreStore.open(store)).score(data, ProgressObserver.silent());
            throw new AssertionError("all questions were scored before the process was asked to end");
        }
    }

    @Test
    void aProcessAskedToEndKeepsWhatIsScoredAndEndsCleanly(@TempDir Path folder) throws Exception {
        Files.write(
                folder.resolve("piqa.jsonl"),
                IntStream.range(0, 30_000)
                        .mapToObj(i -> "{\"goal\": \"number " + i
                                + "\", \"sol1\": \"first way\", \"sol2\": \"second way\", \"label\": 0}")
                        .collect(Collectors.toList()));
        Path store = folder.resolve("scores.jsonl");
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Endless.class.getName(),
                        folder.toString()))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out.txt").toFile())
                .start();
        for (int i = 0; i < 600 && isEmpty(store) && process.isAlive(); i++) {
            Thread.sleep(100);
        }
        process.destroy();

        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        // 128 + SIGTERM; a crash within libtorch would be 134
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("out.txt")))
                .isEqualTo(143);
        assertThat(Files.readAllLines(store)).isNotEmpty().allMatch(line -> line.endsWith("}"));
    }

    private static boolean isEmpty(Path store) throws IOException {
        return !Files.exists(store) || Files.size(store) == 0;
    }
}
