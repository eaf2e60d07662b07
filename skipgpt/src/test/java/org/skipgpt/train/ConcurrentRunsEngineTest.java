package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.torch.Torch;

/** What runs beside others computes what it computes alone, bit for bit. */
class ConcurrentRunsEngineTest {
    private static final int THREADS = 8;

    // Golden models read ids as decimal numbers.
    private static final List<String> DOCUMENTS = List.of(
            "5 6 7 8 9 10 11 12", "40 41 42 43 44 45", "9 8 7 6 5 4 3", "21 22 23 24 25 26 27 28 29", "7 7 8 8 9 9");

    private static final TuningOptions OPTIONS =
            TuningOptions.workshop().withSteps(3).withBatch(2, 8).withHeldOut(1);

    private static String tuned(Tuned tuned) {
        return tuned.run().log().rows().stream()
                .map(row -> row.entrySet().stream()
                        .filter(e -> !e.getKey().contains("/s"))
                        .toList()
                        .toString())
                .toList()
                .toString();
    }

    private static String work(int number, LanguageModel model) {
        long seed = 43L + number / 3;
        switch (number % 4) {
            case 0:
                return tuned(Tuning.routers(model, .3, DOCUMENTS, OPTIONS.withSeed(seed), ProgressObserver.silent()));
            case 1:
                return tuned(Tuning.joint(model, .3, DOCUMENTS, OPTIONS.withSeed(seed), ProgressObserver.silent()));
            case 2:
                return tuned(Tuning.denseLora(model, DOCUMENTS, OPTIONS.withSeed(seed), ProgressObserver.silent()));
            default:
                LanguageModel routed =
                        Tuning.withRouters(model, RouterConfig.defaults(), seed).masked();
                GenerationOptions options = GenerationOptions.defaults()
                        .withMaxTokens(12)
                        .withTemperature(0.9)
                        .withSeed(seed);
                return Arrays.deepToString(routed.logits(new int[] {5, 6, 7, 8}, new int[] {9, 10}))
                        + routed.generate(options, "5 6 7", "8 9").continuations();
        }
    }

    @Test
    void eightThreadsTuningScoringAndGeneratingEqualOneAfterTheOther() throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<String> alone = new ArrayList<>();
            for (int i = 0; i < 2 * THREADS; i++) {
                alone.add(work(i, model));
            }

            ExecutorService pool = Executors.newFixedThreadPool(THREADS);
            try {
                List<Callable<String>> jobs = new ArrayList<>();
                for (int i = 0; i < 2 * THREADS; i++) {
                    int number = i;
                    jobs.add(() -> work(number, model));
                }
                List<Future<String>> together = pool.invokeAll(jobs);
                for (int i = 0; i < jobs.size(); i++) {
                    assertThat(together.get(i).get()).as("job %d", i).isEqualTo(alone.get(i));
                }
            } finally {
                pool.shutdownNow();
            }
        }
    }
}
