package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.Controller;
import org.skipgpt.route.Cost;
import org.skipgpt.route.Gate;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** A budget counts what modules are said to cost. */
class BudgetCostsEngineTest {
    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(4);

    private static Budget plain() {
        return Budget.of(.25).withContext(300).withController(Controller.integral());
    }

    /** What a kind counts of each module. */
    private static double[] counted(DecoderConfig model, Budget.Kind kind, double unit) {
        double[] costs = new double[model.modules()];
        for (int i = 0; i < costs.length; i++) {
            boolean attention = i % 2 == 0;
            costs[i] = unit
                    * switch (kind) {
                        case MODULES -> 1;
                        case PARAMS -> attention ? model.attentionParameters() : model.mlpParameters();
                        case FLOPS -> attention ? Cost.savedAttentionFlops(model, 300) : Cost.mlpFlops(model);
                    };
        }
        return costs;
    }

    @ParameterizedTest
    @EnumSource(Budget.Kind.class)
    void costsThatAreWhatAKindCountsAreThatBudgetBitForBit(Budget.Kind kind) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Budget costs = plain().withCosts(counted(model.config(), kind, 0.3));

            assertThat(costs.weights(model.config()))
                    .isEqualTo(plain().withKind(kind).weights(model.config()));
            assertThat(learned(model, manager, golden, costs))
                    .isDeepEqualTo(learned(model, manager, golden, plain().withKind(kind)));
            LanguageModel routed = routed(model, manager);
            int[][] texts = {golden.ids(0), golden.ids(1)};
            SparsityReport report = SparsityReport.of(routed, texts);
            assertThat(report.share(model.config(), costs))
                    .isCloseTo(report.share(model.config(), plain().withKind(kind)), within(1e-12));
        }
    }

    // Bit for bit would also hold where nothing is counted at all.
    @Test
    void otherCostsAreAnotherBudget() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            double[] costs = counted(model.config(), Budget.Kind.MODULES, 1);
            costs[1] = 4;

            assertThat(Arrays.deepEquals(
                            learned(model, manager, golden, plain().withCosts(costs)),
                            learned(model, manager, golden, plain())))
                    .isFalse();
        }
    }

    @Test
    void whereOneModuleCostsEverythingItsShareIsWhatIsAsked() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            double[] costs = new double[model.config().modules()];
            costs[2] = 0.007;
            Budget budget = plain().withCosts(costs);
            LanguageModel routed = routed(model, manager);
            int[][] texts = {golden.ids(0), golden.ids(1)};

            SparsityReport report = SparsityReport.of(routed, texts);
            ModuleRouting only = report.trace().modules().get(2);
            assertThat(report.share(model.config(), budget)).isCloseTo(1 - only.executedShare(), within(1e-12));
            LanguageModel dialled = routed.withPolicy(((RoutedPolicy) routed.policy())
                    .withThresholds(BudgetDial.thresholds(routed, budget.withTarget(.5), texts)));
            assertThat(SparsityReport.of(dialled, texts)
                            .trace()
                            .modules()
                            .get(2)
                            .executedShare())
                    .isCloseTo(.5, within(.05));

            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            RouterTuning tuning = tuning(model, manager, routers, budget, golden);
            Map<String, Double> row = backward(tuning, manager);
            double skipped = row.getOrDefault("r", Double.NaN) * row.getOrDefault("tokens", Double.NaN);
            assertThat(skipped).as("rows of one module").isCloseTo(Math.rint(skipped), within(1e-4));
        }
    }

    @Test
    void costsThatDoNotFitAreRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            TuningOptions options = TuningOptions.workshop()
                    .withSteps(1)
                    .withRouting(RouterTuningConfig.paper(.25).withBudget(plain().withCosts(1, 2, 3)));
            assertThatThrownBy(() -> Tuning.routers(model, .25, List.of("1 2 3"), options, ProgressObserver.silent()))
                    .hasMessageContaining(
                            "costs of 3 modules does not fit " + model.config().modules());
            assertThatThrownBy(() -> plain().withCosts(1, -1)).hasMessageContaining("costs [1.0, -1.0]");
            assertThatThrownBy(() -> plain().withCosts(0, 0)).hasMessageContaining("not 0 for all");
            assertThatThrownBy(() -> plain().withCosts(1, Double.NaN)).hasMessageContaining("finite");
            assertThatThrownBy(() -> plain().withCosts(1, 2).rate(model.config(), .1, .2))
                    .hasMessageContaining("give the rate of each module");
        }
    }

    @Test
    void runsAreKnownByTheirCostsAndFormerOnesAsBefore() {
        Budget budget = Budget.of(.25);

        assertThat(budget.withCosts(1, 2).identity()).isNotEqualTo(budget.identity());
        assertThat(budget.identity().json()).doesNotContain("costs");
        assertThat(budget.withCosts(1, 2).withKind(Budget.Kind.MODULES)).isEqualTo(budget);
        assertThat(budget.toString())
                .isEqualTo("Budget[target=0.25, kind=MODULES, alpha=8.0, scope=MICRO_BATCH, context=2048,"
                        + " controller=Absolute[]]");
        assertThat(budget.withCosts(1, 2).toString()).contains("costs=[1.0, 2.0]");
        assertThat(budget.withCosts(1, 2).counted()).isEqualTo("given costs");
    }

    private static float[][] learned(LanguageModel model, NDManager manager, Golden golden, Budget budget) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        try (RouterTuning tuning = tuning(model, manager, routers, budget, golden)) {
            TrainingLoop.run(tuning, LOOP, manager, ProgressObserver.silent());
        }
        return routers.parameters().stream().map(NDArray::toFloatArray).toArray(float[][]::new);
    }

    private static RouterTuning tuning(
            LanguageModel model, NDManager manager, Routers routers, Budget budget, Golden golden) {
        Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
        RouterTuningConfig config = RouterTuningConfig.paper(.25).withBudget(budget);
        return RouterTuning.of(model, routers, Gate.compile(manager), config, LOOP, batches, "ids");
    }

    private static LanguageModel routed(LanguageModel model, NDManager manager) {
        RouterConfig form = RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS);
        return model.withPolicy(RoutedPolicy.of(Gate.compile(manager), Routers.init(manager, model.config(), form, 5)));
    }

    @SuppressWarnings("try") // the mode is closed, not used
    private static Map<String, Double> backward(Objective objective, NDManager manager) {
        try (NDManager scope = manager.newSubManager();
                var on = Torch.gradients(true)) {
            Map<String, Double> row = objective.backward(scope, 1, 0, 1);
            objective.parameters().values().forEach(Gradients::clear);
            return row;
        }
    }
}
