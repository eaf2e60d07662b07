package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.skipgpt.torch.Dtype;

/** The switches that lm-evaluation-harness versions differ in, and the forms one data set comes in. */
class HarnessParityTest {
    // torch 2.7.1: torch.tensor(VALUES).to(dtype).double()
    private static final float[] VALUES = {
        -0.1f,
        -1.2345678f,
        -3.14159f,
        -12.345679f,
        -100.77f,
        -0.000123f,
        -7.0039062f,
        -7.0117188f,
        -65.25f,
        -1e-6f,
        -6e-8f
    };
    private static final double[] BF16 = {
        -0.10009765625,
        -1.234375,
        -3.140625,
        -12.375,
        -101.0,
        -0.00012302398681640625,
        -7.0,
        -7.0,
        -65.0,
        -9.98377799987793e-07,
        -6.007030606269836e-08
    };
    private static final double[] FP16 = {
        -0.0999755859375,
        -1.234375,
        -3.140625,
        -12.34375,
        -100.75,
        -0.00012302398681640625,
        -7.00390625,
        -7.01171875,
        -65.25,
        -1.0132789611816406e-06,
        -5.9604644775390625e-08
    };

    @Test
    void logProbabilitiesAreRoundedAsTorchRoundsThem() {
        for (int i = 0; i < VALUES.length; i++) {
            assertThat(PassScorer.rounded(VALUES[i], Dtype.BF16)).isEqualTo(BF16[i]);
            assertThat(PassScorer.rounded(VALUES[i], Dtype.FP16)).isEqualTo(FP16[i]);
            assertThat(PassScorer.rounded(VALUES[i], Dtype.FP32)).isEqualTo(VALUES[i]);
        }
        // .sum() of the first five in either type
        assertThat(PassScorer.rounded(sumOfFive(BF16), Dtype.BF16)).isEqualTo(-118.0);
        assertThat(PassScorer.rounded(sumOfFive(FP16), Dtype.FP16)).isCloseTo(-117.5625, within(0.0));
    }

    private static float sumOfFive(double[] values) {
        float sum = 0;
        for (int i = 0; i < 5; i++) {
            sum += (float) values[i];
        }
        return sum;
    }

    @Test
    void oneDataSetGivesTheSameQuestionsInEveryForm() {
        Path data = shared().resolve("benchmarks");
        assumeTrue(Files.isDirectory(data), "needs " + data);
        TaskData raw = TaskData.read(Tasks.named("winogrande"), data.resolve("winogrande-raw/dev.jsonl"));
        TaskData queries = TaskData.read(Tasks.named("winogrande-queries"), data.resolve("winogrande.jsonl"));
        TaskData files = TaskData.read(Tasks.named("piqa-files"), data.resolve("piqa-raw/valid.jsonl"));
        TaskData piqa = TaskData.read(Tasks.named("piqa-queries"), data.resolve("piqa.jsonl"));

        assertThat(raw.items()).hasSize(1267);
        assertThat(files.items()).hasSize(1838);
        for (int i = 0; i < 1267; i++) {
            Item a = raw.items().get(i);
            Item b = queries.items().get(i);
            assertThat(b.contexts()).isEqualTo(a.contexts());
            assertThat(b.continuations()).isEqualTo(a.continuations());
            assertThat(b.gold()).isEqualTo(a.gold());
        }
        for (int i = 0; i < 1838; i++) {
            Item a = files.items().get(i);
            Item b = piqa.items().get(i);
            assertThat(b.contexts()).as(a.contexts().get(0)).isEqualTo(a.contexts());
            // That form lost the spaces at the end.
            assertThat(b.continuations())
                    .isEqualTo(a.continuations().stream()
                            .map(text -> " " + text.strip())
                            .toList());
            assertThat(b.gold()).isEqualTo(a.gold());
        }
        assertThat(Tasks.fitting(Tasks.named("piqa"), data.resolve("piqa-raw/valid.jsonl"))
                        .version())
                .isEqualTo("1f");
        assertThat(Tasks.fitting(Tasks.named("piqa"), data.resolve("piqa.jsonl"))
                        .version())
                .isEqualTo("1q");
    }

    @Test
    void everyRecordOfThePublishedFilesBecomesAQuestion() {
        Path data = shared().resolve("benchmarks");
        assumeTrue(Files.isDirectory(data), "needs " + data);
        int[] expected = {500, 1267, 1838, 10042, 3270, 2376, 1172};
        for (int t = 0; t < expected.length; t++) {
            String task = Tasks.PAPER.get(t);
            TaskData read = TaskData.read(Tasks.named(task + "-queries"), data.resolve(task + ".jsonl"));
            assertThat(read.items()).as(task).hasSize(expected[t]);
            assertThat(read.faults()).isEmpty();
        }
        TaskData lambada = TaskData.read(Tasks.named("lambada-queries"), data.resolve("lambada_openai.jsonl"));
        assertThat(lambada.items()).hasSize(5153);
    }

    private static Path shared() {
        String named = System.getenv("SKIPGPT_SHARED");
        Path shared = named != null
                ? Path.of(named)
                : Path.of(System.getProperty("skipgpt.root", "..")).resolve("../shared");
        return shared.resolve("data");
    }
}
