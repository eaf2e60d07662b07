package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.skipgpt.SkipGpt.generate;
import static org.skipgpt.SkipGpt.load;
import static org.skipgpt.SkipGpt.tuneRouters;
import static org.skipgpt.SkipGpt.workspace;
import static org.skipgpt.SkipGpt.worldTexts;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.Generation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.train.TuningOptions;

/** The embedded model with tuned routers writes the same text whether keys and values are computed at once or when needed. */
class GreedyTextEngineTest {
    private static final int PROMPTS = 80;
    private static final int BATCH = 20;

    @Test
    void keepAndDeferredWriteTheSameGreedyTexts() {
        workspace("cpu", "fp32");
        LanguageModel tuned = tuneRouters(
                        load("world"),
                        worldTexts(200, 3),
                        0.4,
                        TuningOptions.workshop().withSteps(40).withHeldOut(4),
                        ProgressObserver.silent())
                .model();
        RoutedPolicy routed = (RoutedPolicy) tuned.policy();
        LanguageModel keep = tuned.withPolicy(routed.withKvPolicy(KvPolicy.KEEP));
        LanguageModel deferred = tuned.withPolicy(routed.withKvPolicy(KvPolicy.DEFERRED));
        List<String> prompts = worldTexts(PROMPTS, 4).stream()
                .map(text -> text.substring(0, Math.min(60, text.length())))
                .toList();
        GenerationOptions options = GenerationOptions.defaults().withMaxTokens(24);

        for (int from = 0; from < PROMPTS; from += BATCH) {
            String[] some = prompts.subList(from, from + BATCH).toArray(String[]::new);
            Generation kept = generate(keep, List.of(some), options);
            Generation late = generate(deferred, List.of(some), options);

            assertThat(late.kvPolicy()).isEqualTo(KvPolicy.DEFERRED);
            assertThat(IntStream.range(0, kept.executionRates().length).mapToDouble(i -> 1 - kept.executionRates()[i]))
                    .as("modules are skipped at all")
                    .anyMatch(skipped -> skipped > 0.2);
            for (int i = 0; i < BATCH; i++) {
                assertThat(late.continuations().get(i).tokens())
                        .as(some[i])
                        .isEqualTo(kept.continuations().get(i).tokens());
            }
        }
    }
}
