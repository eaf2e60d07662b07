package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.SelfSpeculation;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.ExactBudget;
import org.skipgpt.route.ExactBudget.Way;
import org.skipgpt.route.Gate;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.torch.Torch;

/** Every text spends its budget: exactly where all of it is at hand, within a bound where it grows. */
class ExactBudgetEngineTest {
    /** fp32 products over other numbers of rows. */
    private static final double ROUNDING = 1e-4;

    private static final double SHARE = 0.3;

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma2"})
    void ofEveryTextAndModuleTheBestRowsExecute(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel routed = routed(golden.model(manager), manager);
            LanguageModel exact = uniform(routed, Way.WHOLE_TEXT, ExactBudget.RATE);
            int[][] ids = {golden.ids(0), golden.ids(1), Arrays.copyOf(golden.ids(0), 5)};

            RoutingTrace trace = RoutingTrace.of(exact, ids);

            for (ModuleRouting module : trace.modules()) {
                for (int s = 0; s < ids.length; s++) {
                    int from = trace.starts()[s];
                    int to = trace.starts()[s + 1];
                    int[] best = IntStream.range(from, to)
                            .boxed()
                            .sorted(Comparator.comparingDouble(row -> -module.probability()[row]))
                            .limit(Math.round((1 - SHARE) * (to - from)))
                            .mapToInt(row -> row)
                            .sorted()
                            .toArray();
                    int[] executed = IntStream.range(from, to)
                            .filter(row -> module.executed()[row])
                            .toArray();
                    assertThat(executed).as("%s, text %d", module.site(), s).isEqualTo(best);
                }
            }
            float[][] whole = exact.alwaysPacked().logits(ids[0])[0];
            assertThat(Golden.difference(exact.masked().logits(ids[0])[0], whole))
                    .isLessThan(ROUNDING);
            assertThat(Golden.difference(exact.logits(ids)[0], whole)).isLessThan(ROUNDING);
        }
    }

    @Test
    void whatLooksAheadLetsNoTextGrow() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel exact = uniform(routed(golden.model(manager), manager), Way.WHOLE_TEXT, ExactBudget.RATE);
            int[] ids = golden.ids(0);
            int kept = ids.length / 2;

            float[][] whole = exact.logits(ids)[0];
            float[][] start = exact.logits(Arrays.copyOf(ids, kept))[0];

            assertThat(Golden.difference(start, Arrays.copyOf(whole, kept))).isGreaterThan(ROUNDING);
            assertThat(exact.policy().describe()).contains("looking ahead");
            assertThatThrownBy(() -> exact.session(1)).hasMessageContaining("looks ahead");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma2"})
    void followingWhatWasSpentIsCausalAndTheSameCached(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            int[] ids = golden.ids(0);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel routed = routed(golden.model(manager), manager);
                RoutedPolicy policy = ((RoutedPolicy) routed.policy()).withKvPolicy(kv);
                LanguageModel exact =
                        uniform(routed.withPolicy(policy), Way.CAUSAL, 0.5).alwaysPacked();
                float[][] whole = exact.logits(ids)[0];

                assertThat(Golden.difference(exact.masked().logits(ids)[0], whole))
                        .as("masked, %s", kv)
                        .isLessThan(ROUNDING);
                int kept = ids.length / 2;
                assertThat(Golden.difference(exact.logits(Arrays.copyOf(ids, kept))[0], Arrays.copyOf(whole, kept)))
                        .as("without a future, %s", kv)
                        .isLessThan(ROUNDING);
                assertThat(Golden.difference(exact.logits(golden.ids(1), ids)[1], whole))
                        .as("beside another text, %s", kv)
                        .isLessThan(ROUNDING);
                try (Session session = exact.session(2)) {
                    session.append(Arrays.copyOf(ids, 5), Arrays.copyOf(golden.ids(1), 3));
                    // a copy of the second sequence, which goes on from what the first one spent
                    try (Session fork = session.fork(1, 0)) {
                        float[] last = {};
                        for (int t = 5; t < ids.length; t++) {
                            last = fork.append(new int[] {}, new int[] {ids[t]})[1];
                        }
                        assertThat(Golden.difference(new float[][] {last}, new float[][] {whole[ids.length - 1]}))
                                .as("cached, %s", kv)
                                .isLessThan(ROUNDING);
                    }
                    float[] again = session.append(Arrays.copyOfRange(ids, 5, ids.length), new int[] {})[0];
                    assertThat(Golden.difference(new float[][] {again}, new float[][] {whole[ids.length - 1]}))
                            .isLessThan(ROUNDING);
                }
            }
        }
    }

    @Test
    void whatIsSpentTooMuchStaysWithinTheSpreadOfMarginsOverTheRate() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel routed = routed(golden.model(manager), manager);
            double rate = 2;
            int[] ids = golden.ids(0);
            RoutingTrace trace = RoutingTrace.of(uniform(routed, Way.CAUSAL, rate), ids);
            RoutingTrace free = RoutingTrace.of(routed, ids);

            double worstFree = 0;
            double worst = 0;
            for (ModuleRouting module : trace.modules()) {
                double most = 0;
                for (float p : module.probability()) {
                    most = Math.max(most, Math.abs(Math.log(p / (1 - p))));
                }
                int spent = 0;
                for (int t = 0; t < ids.length; t++) {
                    spent += module.executed()[t] ? 1 : 0;
                    assertThat(Math.abs(spent - (1 - SHARE) * (t + 1)))
                            .as("%s after %d rows", module.site(), t + 1)
                            .isLessThanOrEqualTo(most / rate + 1);
                }
                worst = Math.max(worst, Math.abs(1 - module.executedShare() - SHARE));
            }
            for (ModuleRouting module : free.modules()) {
                worstFree = Math.max(worstFree, Math.abs(1 - module.executedShare() - SHARE));
            }
            assertThat(worst).isLessThan(worstFree / 3);
        }
    }

    @Test
    void coupledRoutersSpendOnWholeLayers() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            RouterConfig form = RouterConfig.defaults().asCoupled();
            LanguageModel coupled = dense.withPolicy(
                    RoutedPolicy.of(Gate.compile(manager), Routers.init(manager, dense.config(), form, 5)));
            double[] shares = new double[dense.config().modules()];
            Arrays.setAll(shares, module -> 0.1 * (1 + module));
            for (Way way : Way.values()) {
                RoutingTrace trace = RoutingTrace.of(ExactBudget.of(coupled, shares, way, 0.5), golden.ids(0));
                for (int layer = 0; layer < dense.config().layers(); layer++) {
                    assertThat(trace.modules().get(2 * layer).executed())
                            .as("%s, layer %d", way, layer)
                            .isEqualTo(trace.modules().get(2 * layer + 1).executed());
                }
            }
        }
    }

    @Test
    void piecesThatContinueOthersSpendAsTheWholeText() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel exact = uniform(routed(golden.model(manager), manager), Way.CAUSAL, 0.5);
            int[] ids = golden.ids(0);
            int[][] pieces = {
                Arrays.copyOf(ids, 7), Arrays.copyOf(golden.ids(1), 4), Arrays.copyOfRange(ids, 7, ids.length)
            };
            float[][] whole = exact.logits(ids)[0];
            try (NDManager scope = exact.scope()) {
                var rows = exact.decoder().branches(scope, pieces, new int[] {-1, 0, 0});
                float[] last = exact.decoder()
                        .logits(exact.forward(rows, new int[] {rows.size() - 1}))
                        .toFloatArray();
                assertThat(Golden.difference(new float[][] {last}, new float[][] {whole[ids.length - 1]}))
                        .isLessThan(ROUNDING);
            }
        }
    }

    @Test
    void aFolderKeepsItAndWhatItIsNoBudgetForIsRefused(@TempDir Path parent) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel routed = routed(dense, manager);
            LanguageModel exact =
                    ExactBudget.like(routed, Way.CAUSAL, ProgressObserver.silent(), golden.ids(0), golden.ids(1));
            Path folder = parent.resolve("folder");
            SkipGptFolder.save(folder, exact, Optional.empty(), Optional.empty(), Provenance.of("test"));
            LanguageModel again = SkipGptFolder.load(folder, dense, manager, KvPolicy.KEEP);

            assertThat(again.policy().identity()).isEqualTo(exact.policy().identity());
            assertThat(again.logits(golden.ids(0))).isDeepEqualTo(exact.logits(golden.ids(0)));
            assertThat(exact.policy().identity()).isNotEqualTo(routed.policy().identity());
            assertThatThrownBy(() -> uniform(dense, Way.CAUSAL, 1)).hasMessageContaining("tune routers first");
            assertThatThrownBy(() -> uniform(exact, Way.CAUSAL, 1)).hasMessageContaining("has an exact budget already");
            assertThatThrownBy(() -> ExactBudget.of(routed, new double[] {0.2}, Way.CAUSAL, 1))
                    .hasMessageContaining("1 shares for");
            assertThatThrownBy(() -> uniform(routed, Way.CAUSAL, 0)).hasMessageContaining("rate 0.0 is not allowed");
            assertThatThrownBy(() -> SelfSpeculation.run(dense, exact, 2, GenerationOptions.defaults(), golden.ids(0)))
                    .hasMessageContaining("decides by what it decided before");
        }
    }

    private static LanguageModel routed(LanguageModel model, NDManager manager) {
        RouterConfig form = RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS);
        return model.withPolicy(RoutedPolicy.of(Gate.compile(manager), Routers.init(manager, model.config(), form, 5)));
    }

    private static LanguageModel uniform(LanguageModel model, Way way, double rate) {
        double[] shares = new double[model.config().modules()];
        Arrays.fill(shares, SHARE);
        return ExactBudget.of(model, shares, way, rate);
    }
}
