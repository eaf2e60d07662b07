package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.skipgpt.SkipGpt.bestOfSeeds;
import static org.skipgpt.SkipGpt.random;
import static org.skipgpt.SkipGpt.tuneRouters;
import static org.skipgpt.SkipGpt.workspace;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.train.SeedTrials;
import org.skipgpt.train.SeedTrials.Trial;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/** Routers of several seeds: the best is the best, and each is what its seed alone gives. */
class SeedTrialsEngineTest {
    private static final TuningOptions QUICK =
            TuningOptions.practical().withSteps(4).withBatch(2, 24).withHeldOut(4);

    private static final List<Long> SEEDS = List.of(5L, 6L, 7L);

    private final WorldText text = new WorldText(World.of(World.SEED), 9);
    private final List<String> documents =
            LongStream.range(0, 50).mapToObj(i -> text.document(i, 0.5).text()).toList();
    private final LanguageModel model = model();

    private static LanguageModel model() {
        workspace("cpu", "fp32");
        return random(
                DecoderConfig.llama(SkipGpt.tokenizer().vocabSize(), 32, 48, 4, 4, 2)
                        .withMaxPositions(64),
                3);
    }

    @AfterEach
    void forgetInterrupts() {
        Thread.interrupted();
    }

    @Test
    void theBestHasTheLeastLossOnTextKeptBackAndIsWhatItsSeedAloneGives() {
        SeedTrials trials = bestOfSeeds(model, SEEDS, documents, 0.25, QUICK, ProgressObserver.silent());

        assertThat(trials.trials()).extracting(Trial::seed).isEqualTo(SEEDS);
        Trial least = trials.trials().stream()
                .min(Comparator.comparingDouble(Trial::loss))
                .orElseThrow();
        Tuned alone = tuneRouters(model, documents, 0.25, QUICK.withSeed(least.seed()), ProgressObserver.silent());
        assertThat(routers(trials.best())).isEqualTo(routers(alone));
        assertThat(trials.best().run().config().seed()).isEqualTo(least.seed());
        assertThat(least.loss())
                .as("loss of the four documents kept back")
                .isCloseTo(keptLoss(alone.model()), within(1e-6));
        assertThat(trials.text()).contains("from 3 seeds").contains("loss (nats)");
    }

    @Test
    void lossesAtUnlikeSharesAndTextThatWasLearnedAreRefused() {
        assertThatThrownBy(() -> bestOfSeeds(
                        model, SEEDS, documents, 0.25, QUICK.withKeptShare(false), ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("unlike shares")
                .hasMessageContaining("withKeptShare(true)");
        assertThatThrownBy(() ->
                        bestOfSeeds(model, SEEDS, documents.subList(0, 9), 0.25, QUICK, ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("9 documents")
                .hasMessageContaining("at least 10");
        for (List<Long> seeds : List.of(List.<Long>of(), List.of(3L, 3L))) {
            assertThatThrownBy(() -> bestOfSeeds(model, seeds, documents, 0.25, QUICK, ProgressObserver.silent()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("none twice");
        }
    }

    @Test
    void eachSeedHasAFolderAndTheSameCallTunesNothingAnew(@TempDir Path folder) {
        TuningOptions kept = QUICK.withCheckpoints(folder, 2);
        SeedTrials first = bestOfSeeds(model, SEEDS, documents, 0.25, kept, ProgressObserver.silent());
        assertThat(SEEDS)
                .allSatisfy(seed -> assertThat(Files.isDirectory(folder.resolve("seed-" + seed)))
                        .isTrue());

        List<Long> steps = new ArrayList<>();
        SeedTrials again = bestOfSeeds(model, SEEDS, documents, 0.25, kept, progress -> {
            if (progress.task().startsWith("router tuning")) {
                steps.add(progress.done() - progress.earlier());
            }
        });
        assertThat(steps).as("steps of this call").allMatch(step -> step == 0);
        assertThat(routers(again.best())).isEqualTo(routers(first.best()));
        assertThat(again.trials())
                .extracting(Trial::loss)
                .isEqualTo(first.trials().stream().map(Trial::loss).toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"calibration", "router tuning"})
    void anInterruptComparesTheSeedsThatWereFinished(String work) {
        List<String> tasks = new ArrayList<>();
        SeedTrials trials = bestOfSeeds(model, SEEDS, documents, 0.25, QUICK, progress -> {
            tasks.add(progress.task());
            if (progress.task().startsWith(work + " · seed 6") && progress.done() == 2) {
                Thread.currentThread().interrupt();
            }
        });
        assertThat(Thread.interrupted()).as("the flag is the caller's to see").isTrue();
        assertThat(trials.trials()).extracting(Trial::seed).containsExactly(5L);
        assertThat(trials.best().run().isStopped()).isFalse();
        assertThat(tasks).anyMatch(task -> task.contains("seed 5, 1 of 3")).noneMatch(task -> task.contains("seed 7"));
    }

    private double keptLoss(LanguageModel tuned) {
        List<int[][]> kept = documents.subList(46, 50).stream()
                .map(text -> model.tokenizer().encodeWithBos(text))
                .map(ids -> new int[][] {Arrays.copyOf(ids, Math.min(24, ids.length))})
                .toList();
        return LanguageLoss.mean(tuned, kept).orElseThrow();
    }

    private static String routers(Tuned tuned) {
        return RoutedPolicy.in(tuned.model().policy()).orElseThrow().routers().hash();
    }
}
