package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.ExactBudget;
import org.skipgpt.route.Gate;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.Positions;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** Thresholds and penalty follow position, the same in every execution, and nothing else changes. */
class PositionsEngineTest {
    /** fp32 products over other numbers of rows. */
    private static final double ROUNDING = 1e-4;
    /** fp32 sums in another order, of gradients. */
    private static final double GRADIENT = 1e-5;

    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(4);
    private static final Positions SLOPED =
            Positions.from(0.6, -0.8).onMlp(-0.5, 0.7).over(12);
    private static final Positions EVEN = new Positions(64, 0, 0, 0, 0);

    @Test
    void evenPositionsAreThePlainPolicyBitForBit() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel plain = routed(golden.model(manager), manager);
            LanguageModel even = with(plain, EVEN);

            assertThat(even.logits(golden.ids(0))).isDeepEqualTo(plain.logits(golden.ids(0)));
            assertThat(even.policy().identity()).isEqualTo(plain.policy().identity());
            assertThat(even.policy().describe()).isEqualTo(plain.policy().describe());
            assertThat(learned(golden, manager, Budget.of(.25).withPositions(EVEN)))
                    .isDeepEqualTo(learned(golden, manager, Budget.of(.25)));
            assertThat(Budget.of(.25).withPositions(EVEN).identity())
                    .isEqualTo(Budget.of(.25).identity());
            assertThat(Arrays.deepEquals(
                            learned(golden, manager, Budget.of(.25).withPositions(SLOPED)),
                            learned(golden, manager, Budget.of(.25))))
                    .isFalse();
        }
    }

    @Test
    void theSameLogitsAtEveryPositionAreAThresholdBitForBit() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            for (RouterConfig.Norm norm : RouterConfig.Norm.values()) {
                LanguageModel plain = routed(golden.model(manager), manager, norm);
                RoutedPolicy policy = (RoutedPolicy) plain.policy();
                LanguageModel raised = plain.withPolicy(
                        policy.withThresholds(Thresholds.argmax().plus(0.3)));
                LanguageModel all = with(plain, new Positions(9, 0.3, 0.3, 0.3, 0.3));

                assertThat(all.logits(golden.ids(0))).as("%s", norm).isDeepEqualTo(raised.logits(golden.ids(0)));
                for (DecodingStep step : DecodingStep.values()) {
                    assertThat(grown(all.withStep(step), golden.ids(0)))
                            .as("%s, %s", norm, step)
                            .isDeepEqualTo(grown(raised.withStep(step), golden.ids(0)));
                }
                assertThat(all.logits(golden.ids(0))[0]).isNotEqualTo(plain.logits(golden.ids(0))[0]);
            }
        }
    }

    @Test
    void steepOnesDecideByPositionAlone() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel routed = routed(golden.model(manager), manager);
            LanguageModel steep =
                    with(routed, Positions.from(1e6, -1e6).onMlp(-1e6, 1e6).over(11));
            int[][] ids = {golden.ids(0), golden.ids(1)};

            RoutingTrace trace = RoutingTrace.of(steep, ids);

            for (ModuleRouting module : trace.modules()) {
                boolean attention = module.site().module() == ModuleKind.ATTENTION;
                for (int s = 0; s < ids.length; s++) {
                    for (int t = 0; t < ids[s].length; t++) {
                        // Halfway lies between positions 5 and 6.
                        assertThat(module.executed()[trace.starts()[s] + t])
                                .as("%s, text %d, position %d", module.site(), s, t)
                                .isEqualTo(attention == t > 5);
                    }
                }
            }
            assertThat(SLOPED.at(ModuleKind.ATTENTION, 6)).isCloseTo(-0.1, within(1e-12));
            assertThat(SLOPED.at(ModuleKind.MLP, 500)).isEqualTo(0.7);
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void maskedPackedAndCachedDecideAlikeWhateverFollows(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            int[] ids = golden.ids(0);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel routed = with(routed(golden.model(manager), manager), SLOPED);
                LanguageModel model = routed.withPolicy(((RoutedPolicy) routed.policy()).withKvPolicy(kv));
                LanguageModel packed = model.alwaysPacked();
                float[][] whole = packed.logits(ids)[0];
                int kept = ids.length / 2;

                assertThat(Golden.difference(model.masked().logits(ids)[0], whole))
                        .as("masked, %s", kv)
                        .isLessThan(ROUNDING);
                assertThat(Golden.difference(packed.logits(Arrays.copyOf(ids, kept))[0], Arrays.copyOf(whole, kept)))
                        .as("without a future, %s", kv)
                        .isLessThan(ROUNDING);
                assertThat(Golden.difference(packed.logits(golden.ids(1), ids)[1], whole))
                        .as("beside another text, %s", kv)
                        .isLessThan(ROUNDING);
                for (DecodingStep step : DecodingStep.values()) {
                    assertThat(Golden.difference(
                                    grown(packed.withStep(step), ids), Arrays.copyOfRange(whole, 4, whole.length)))
                            .as("cached, %s, %s", kv, step)
                            .isLessThan(ROUNDING);
                }
                try (Session session = packed.session(2)) {
                    session.append(Arrays.copyOf(ids, 5), Arrays.copyOf(golden.ids(1), 3));
                    try (Session fork = session.fork(1, 0)) {
                        float[] last = fork.append(new int[] {}, Arrays.copyOfRange(ids, 5, ids.length))[1];
                        assertThat(Golden.difference(new float[][] {last}, new float[][] {whole[ids.length - 1]}))
                                .as("forked, %s", kv)
                                .isLessThan(ROUNDING);
                    }
                }
            }
        }
    }

    // The threshold and the worth of a skip, each of which the other would hide in tuned routers.
    @Test
    void aConstantIsAsRoutersThatLeanSoMuchUnderAPullThatIsWorthSoMuch() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            double logits = 0.4;
            Routers plain = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            Routers leaning = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            leaning.all().forEach(router -> {
                NDArray bias = router.parameters().get(1); // (2)
                bias.set(
                        new float[] {bias.getFloat(0) + (float) (logits / 2), bias.getFloat(1) - (float) (logits / 2)});
            });
            Budget budget = Budget.of(.9);

            List<float[]> byPosition = gradients(
                    golden, manager, plain, budget.withPositions(new Positions(7, logits, logits, logits, logits)));
            List<float[]> expected =
                    gradients(golden, manager, leaning, budget.withAlpha(budget.alpha() * Math.exp(logits)));

            assertThat(worst(byPosition, expected)).isLessThan(GRADIENT);
            assertThat(worst(expected, gradients(golden, manager, leaning, budget)))
                    .as("the pull matters")
                    .isGreaterThan(100 * GRADIENT);
        }
    }

    @Test
    void aFolderKeepsThemAndWhatCannotServeThemRefuses(@TempDir Path parent) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel sloped = with(routed(dense, manager), SLOPED);
            Path folder = parent.resolve("folder");
            SkipGptFolder.save(folder, sloped, Optional.empty(), Optional.empty(), Provenance.of("test"));
            LanguageModel again = SkipGptFolder.load(folder, dense, manager, KvPolicy.KEEP);

            assertThat(again.policy().identity()).isEqualTo(sloped.policy().identity());
            assertThat(again.logits(golden.ids(0))).isDeepEqualTo(sloped.logits(golden.ids(0)));
            assertThat(sloped.policy().identity())
                    .isNotEqualTo(routed(dense, manager).policy().identity());
            assertThatThrownBy(() ->
                            ExactBudget.like(sloped, ExactBudget.Way.CAUSAL, ProgressObserver.silent(), golden.ids(0)))
                    .hasMessageContaining("thresholds that follow position and an exact budget");
            assertThatThrownBy(() -> Tuning.routers(
                            sloped,
                            .25,
                            List.of("1 2 3"),
                            TuningOptions.workshop().withSteps(1),
                            ProgressObserver.silent()))
                    .hasMessageContaining("go on with the same, by Budget.withPositions");
            assertThatThrownBy(() -> SLOPED.over(0)).hasMessageContaining("a length of 0 tokens");
            assertThatThrownBy(() -> Positions.from(1, Double.NaN)).hasMessageContaining("NaN logits");
        }
    }

    private static LanguageModel with(LanguageModel routed, Positions positions) {
        return routed.withPolicy(((RoutedPolicy) routed.policy()).withPositions(positions));
    }

    private static LanguageModel routed(LanguageModel model, NDManager manager) {
        return routed(model, manager, RouterConfig.Norm.RMS);
    }

    private static LanguageModel routed(LanguageModel model, NDManager manager, RouterConfig.Norm norm) {
        RouterConfig form = RouterConfig.defaults().withNorm(norm);
        return model.withPolicy(RoutedPolicy.of(Gate.compile(manager), Routers.init(manager, model.config(), form, 5)));
    }

    /** What a session says behind the first five tokens and each one after, one at a time. */
    private static float[][] grown(LanguageModel model, int[] ids) {
        List<float[]> said = new ArrayList<>();
        try (Session session = model.session(1)) {
            said.add(session.append(Arrays.copyOf(ids, 5))[0]);
            for (int t = 5; t < ids.length; t++) {
                said.add(session.append(new int[] {ids[t]})[0]);
            }
        }
        return said.toArray(float[][]::new);
    }

    private static float[][] learned(Golden golden, NDManager manager, Budget budget) {
        LanguageModel model = golden.model(manager);
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        try (RouterTuning tuning = tuning(golden, model, manager, routers, budget)) {
            TrainingLoop.run(tuning, LOOP, manager, ProgressObserver.silent());
        }
        return routers.parameters().stream().map(NDArray::toFloatArray).toArray(float[][]::new);
    }

    private static RouterTuning tuning(
            Golden golden, LanguageModel model, NDManager manager, Routers routers, Budget budget) {
        Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
        RouterTuningConfig config = RouterTuningConfig.paper(.25).withBudget(budget);
        return RouterTuning.of(model, routers, Gate.compile(manager), config, LOOP, batches, "ids");
    }

    @SuppressWarnings("try") // the mode is closed, not used
    private static List<float[]> gradients(Golden golden, NDManager manager, Routers routers, Budget budget) {
        RouterTuning tuning = tuning(golden, golden.model(manager), manager, routers, budget);
        try (NDManager scope = manager.newSubManager();
                var on = Torch.gradients(true)) {
            tuning.backward(scope, 1, 0, 1);
            List<float[]> out = new ArrayList<>();
            for (NDArray parameter : tuning.parameters().values()) {
                out.add(Gradients.of(parameter).toFloatArray());
            }
            tuning.parameters().values().forEach(Gradients::clear);
            return out;
        }
    }

    private static double worst(List<float[]> a, List<float[]> b) {
        return Golden.difference(a.toArray(float[][]::new), b.toArray(float[][]::new));
    }
}
