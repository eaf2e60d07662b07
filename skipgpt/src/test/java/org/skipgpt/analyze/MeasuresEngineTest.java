package org.skipgpt.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Cost;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.torch.Torch;

/** Laws of the measurements that run models in several ways. */
class MeasuresEngineTest {
    private static final KvPolicy[] EXACT = {KvPolicy.KEEP, KvPolicy.DEFERRED};

    private static LanguageModel forced(LanguageModel model, double share) {
        return model.withPolicy(ForcedPolicy.uniform(share, model.config().layers(), 3));
    }

    private static KvConsistency.Row row(KvConsistency found, KvPolicy kv) {
        return found.rows().stream().filter(r -> r.kv() == kv).findFirst().orElseThrow();
    }

    @Test
    void keptAndDeferredKeysGiveTheWholePassAndEvictedOnesDoNot() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = forced(golden.model(manager), 0.5);
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));

            KvConsistency found = KvConsistency.of(model, texts, ProgressObserver.silent());

            for (KvPolicy kv : EXACT) {
                assertThat(row(found, kv).largestGap()).isLessThan(1e-3);
                assertThat(row(found, kv).agreement()).isEqualTo(1);
                assertThat(row(found, kv).divergence()).isCloseTo(0, within(1e-6));
            }
            KvConsistency.Row evicted = row(found, KvPolicy.EXECUTED);
            KvConsistency.Row kept = row(found, KvPolicy.KEEP);
            assertThat(evicted.largestGap()).isGreaterThan(10 * kept.largestGap());
            assertThat(evicted.divergence()).isPositive();
            assertThat(evicted.cacheBytes()).isBetween(0.3 * kept.cacheBytes(), 0.7 * kept.cacheBytes());
            assertThat(kept.cacheBytes())
                    .isEqualTo(2.0 * model.config().kvWidth() * model.config().layers() * Float.BYTES);
            assertThat(kept.pendingBytes()).isZero();
        }
    }

    @Test
    void policiesOfADenseModelAreOne() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            KvConsistency found =
                    KvConsistency.of(golden.model(manager), List.of(golden.ids(0)), ProgressObserver.silent());

            for (KvConsistency.Row row : found.rows()) {
                assertThat(row.largestGap()).isLessThan(1e-3);
                assertThat(row.cacheBytes()).isEqualTo(found.rows().get(0).cacheBytes());
                assertThat(row.tokensPerSecond()).isPositive().isFinite();
            }
        }
    }

    @Test
    void countedOperationsAreThoseOfTheCostFormula() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            int[] ids = Arrays.copyOf(golden.ids(0), 9); // odd, so that the mean context is whole
            LanguageModel skipping = forced(model, 0.5);
            double[] rates = RoutingMap.of(skipping, List.of(ids), ProgressObserver.silent())
                    .rates();

            ModuleCost dense = ModuleCost.of(model, ids, 1, ProgressObserver.silent());
            ModuleCost found = ModuleCost.of(skipping, ids, 2, ProgressObserver.silent());

            double all = Arrays.stream(dense.operations()).sum() + dense.headOperations();
            double some = Arrays.stream(found.operations()).sum() + found.headOperations();
            double attention = 0;
            double mlp = 0;
            for (int m = 0; m < rates.length; m += 2) {
                attention += (1 - rates[m]) / model.config().layers();
                mlp += (1 - rates[m + 1]) / model.config().layers();
            }
            Cost cost = Cost.of(
                    model.config(), RouterConfig.defaults(), KvPolicy.KEEP, attention, mlp, (ids.length + 1) / 2, 4);
            assertThat(1 - some / all).isCloseTo(cost.flops(), within(1e-9));
            assertThat(Arrays.stream(found.seconds())).allMatch(s -> s > 0);
            assertThatThrownBy(() -> ModuleCost.of(model, ids, 0, ProgressObserver.silent()))
                    .hasMessageContaining("rounds");
        }
    }

    @Test
    void aModelAgreesWithItselfAndLessWithOthers() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<int[]> prompts = List.of(golden.ids(0), golden.ids(1));

            GreedyAgreement same = GreedyAgreement.of(model, model, prompts, 8, ProgressObserver.silent());
            GreedyAgreement other =
                    GreedyAgreement.of(forced(model, 0.7), model, prompts, 8, ProgressObserver.silent());

            assertThat(same.agreed()).isEqualTo(same.lengths());
            assertThat(same.forced()).containsOnly(1);
            assertThat(same.stillSame()).containsOnly(1);
            double[] still = other.stillSame();
            assertThat(still[0]).isEqualTo(1);
            for (int t = 1; t < still.length; t++) {
                assertThat(still[t]).isLessThanOrEqualTo(still[t - 1]);
            }
            assertThat(other.forced()[0]).isLessThan(1);
        }
    }

    @Test
    void thresholdsTurnedToATargetSkipNearIt() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            LanguageModel routed = model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));

            RoutingByTarget found =
                    RoutingByTarget.dialled(routed, new double[] {0.2, 0.5, 0.6}, texts, ProgressObserver.silent());

            assertThat(found.points()).hasSize(3);
            double[] targets = {0.2, 0.5, 0.6};
            for (int i = 0; i < 3; i++) {
                RoutingByTarget.Point p = found.points().get(i);
                assertThat((p.attention() + p.mlp()) / 2).isCloseTo(targets[i], within(0.05));
                double executed = Arrays.stream(p.rates()).average().orElseThrow();
                assertThat(executed).isCloseTo(1 - (p.attention() + p.mlp()) / 2, within(1e-9));
                assertThat(p.entropy()).isBetween(0.0, 1.0);
            }
        }
    }

    @Test
    void aStoppedSweepGoesOnFromItsFileWithoutMeasuringAgain(@TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Optional<Path> file = Optional.of(folder.resolve("sweep.json"));
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));
            List<String> made = new ArrayList<>();
            List<Scaling.Trial> trials = new ArrayList<>();
            for (double share : new double[] {0, 0.25, 0.5}) {
                trials.add(new Scaling.Trial("forced", "share " + share, model.hash(), () -> {
                    made.add("share " + share);
                    return forced(model, share);
                }));
            }
            ProgressObserver stopping = progress -> {
                if (progress.task().equals("scaling sweep") && progress.done() == 2) {
                    Thread.currentThread().interrupt();
                }
            };

            Scaling first = Scaling.sweep(trials, texts, file, stopping);
            assertThat(Thread.interrupted()).isTrue();
            Scaling whole = Scaling.sweep(trials, texts, file, ProgressObserver.silent());

            assertThat(first.isComplete()).isFalse();
            assertThat(first.text()).contains("stopped");
            assertThat(whole.isComplete()).isTrue();
            assertThat(made).containsExactly("share 0.0", "share 0.25", "share 0.5");
            assertThat(whole.points().subList(0, 2)).isEqualTo(first.points());
            assertThat(whole.points().get(0).sparsity()).isZero();
            assertThat(whole.points().get(2).sparsity()).isCloseTo(0.5, within(0.15));
            assertThatThrownBy(() -> Scaling.sweep(trials, List.of(golden.ids(0)), file, ProgressObserver.silent()))
                    .hasMessageContaining("other texts");
            List<Scaling.Trial> others = trials.stream()
                    .map(t -> new Scaling.Trial(t.method(), t.setting(), "another base", t.model()))
                    .toList();
            assertThatThrownBy(() -> Scaling.sweep(others, texts, file, ProgressObserver.silent()))
                    .hasMessageContaining("another model");
            String good = Files.readString(file.get());
            for (String bad : List.of(
                    good.replaceFirst("\"attention\": [0-9.]+", "\"attention\": 1E+999999"),
                    good.replaceFirst("\"attention\": [0-9.]+", "\"attention\": 7"),
                    good.replaceFirst("\"perplexity\"", "\"perplexitz\""),
                    "{\"points\":[null]}",
                    "{\"data\":null}")) {
                Files.writeString(folder.resolve("bad.json"), bad);
                assertThatThrownBy(() -> Scaling.sweep(
                                trials, texts, Optional.of(folder.resolve("bad.json")), ProgressObserver.silent()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("bad.json is no sweep");
            }
            Files.writeString(folder.resolve("bad.json"), "no sweep");
            assertThatThrownBy(() -> Scaling.sweep(
                            trials, texts, Optional.of(folder.resolve("bad.json")), ProgressObserver.silent()))
                    .hasMessageContaining("is no sweep");
        }
    }

    @Test
    void measurementsAreDrawnAndReadable(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));
            Map<String, LanguageModel> models = new LinkedHashMap<>();
            models.put("none", model);
            models.put("half", forced(model, 0.5));
            List<Scaling.Trial> trials =
                    List.of(new Scaling.Trial("forced", "half", model.hash(), () -> forced(model, 0.5)));
            List<Finding> all = List.of(
                    KvConsistency.of(forced(model, 0.5), texts, ProgressObserver.silent()),
                    ModuleCost.of(model, golden.ids(0), 1, ProgressObserver.silent()),
                    GreedyAgreement.of(forced(model, 0.5), model, texts, 4, ProgressObserver.silent()),
                    RoutingByTarget.of("forced patterns", models, texts, ProgressObserver.silent()),
                    Scaling.sweep(trials, texts, Optional.empty(), ProgressObserver.silent()));
            for (int i = 0; i < all.size(); i++) {
                all.get(i).save(folder.resolve(i + ".png"));
                all.get(i).save(folder.resolve(i + ".json"));
                assertThat(folder.resolve(i + ".png")).isNotEmptyFile();
                assertThat(all.get(i).text().lines().count()).isBetween(3L, 25L);
                assertThat(all.get(i).text().lines()).allMatch(line -> line.length() <= 100);
                assertThat(all.get(i).provenance().dataHash()).isNotEmpty();
            }
        }
    }
}
