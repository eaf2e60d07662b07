package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.SeededDropout;
import org.skipgpt.loss.Teacher;
import org.skipgpt.model.Dropout;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Cost;
import org.skipgpt.route.ExecutionBounds;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Temperature;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** Each option of tuning does what it says. */
class TuningOptionsEngineTest {
    /** fp32 sums in another order. */
    private static final double GRADIENT = 1e-5;

    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(4);

    @Test
    void presetsDifferExactlyWhereTheAuthorsCodeDoes() {
        TuningOptions paper = TuningOptions.paper();
        TuningOptions official = TuningOptions.official();

        assertThat(paper.loop().accumulation() * paper.sequences()).isEqualTo(16);
        assertThat(official.loop().accumulation() * official.sequences()).isEqualTo(8);
        assertThat(paper.loop().rate()).isEqualTo(LearningRate.constant(2e-3));
        assertThat(official.loop().rate()).isEqualTo(LearningRate.cosine(2e-3, 0.1));
        assertThat(List.of(paper.loop().beta2(), official.loop().beta2())).containsExactly(0.95, 0.999);
        assertThat(List.of(
                        paper.routing().budget().alpha(),
                        official.routing().budget().alpha()))
                .containsExactly(8.0, 20.0);
        assertThat(paper.router()).isEqualTo(RouterConfig.defaults());
        assertThat(official.router()).isEqualTo(RouterConfig.official());
        assertThat(List.of(paper.sampling(), official.sampling())).containsExactly(Sampling.ARGMAX, Sampling.GUMBEL);

        LoopConfig sameLoop = official.loop()
                .withAccumulation(16)
                .withBeta2(0.95)
                .withRate(paper.loop().rate());
        TuningOptions same = official.withLoop(sameLoop)
                .withRouter(paper.router())
                .withRouting(official.routing().withBudget(paper.routing().budget()))
                .withSampling(Sampling.ARGMAX);
        assertThat(same).as("nothing else differs").isEqualTo(paper);
        assertThat(paper.loraRate()).isEqualTo(LearningRate.cosine(2e-4, 0.1));
        assertThat(paper.lora())
                .isEqualTo(new LoraConfig(16, 32, 0.1, Set.of(Projection.Q, Projection.V, Projection.GATE)));
        assertThat(paper.jointLora().targets()).containsExactlyInAnyOrder(Projection.Q, Projection.V);
        assertThat(List.of(
                        paper.loop().beta1(),
                        paper.loop().epsilon(),
                        paper.loop().decay(),
                        paper.loop().clip()))
                .containsExactly(0.9, 1e-8, 0.01, 1.0);
        assertThat(paper.length()).isEqualTo(4096);
        assertThat(paper.packed()).isFalse();
        assertThat(paper.routing().temperature()).isEqualTo(new Temperature.Linear(5, 1));
        assertThat(List.of(paper.loop().steps(), paper.loop().seed())).containsExactly(10_000L, 43L);
    }

    @ParameterizedTest
    @EnumSource(Budget.Kind.class)
    void penaltyCountsWhatTheBudgetCounts(Budget.Kind kind) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Budget budget = Budget.of(.1).withKind(kind).withAlpha(20).withContext(300);
            RouterTuningConfig config = RouterTuningConfig.paper(.1).withBudget(budget);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            Gate gate = Gate.compile(manager);

            Map<String, Double> row = backward(tuning(model, manager, gate, config, LOOP, batches), manager, 1);

            double attention = kind == Budget.Kind.MODULES
                    ? 1
                    : kind == Budget.Kind.PARAMS
                            ? model.config().attentionParameters()
                            : Cost.savedAttentionFlops(model.config(), 300);
            double mlp = kind == Budget.Kind.MODULES
                    ? 1
                    : kind == Budget.Kind.PARAMS ? model.config().mlpParameters() : Cost.mlpFlops(model.config());
            double rate = (attention * value(row, "s_attn") + mlp * value(row, "s_mlp")) / (attention + mlp);
            assertThat(value(row, "s_attn")).isNotEqualTo(value(row, "s_mlp"));
            assertThat(row.get("r")).isCloseTo(rate, within(1e-6));
            assertThat(row.get("penalty")).isCloseTo(20 * Math.abs(.1 - rate), within(1e-5));
        }
    }

    @Test
    void samplingIsRefusedWhereNothingSamples() {
        RouterTuningConfig sampled = RouterTuningConfig.paper(.25).withRho(.5);
        assertThatThrownBy(() -> sampled.withSparseBackward(false)).hasMessageContaining("withSparseBackward(true)");
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel adapted = model.withAdapter(Lora.init(manager, model.config(), LoraConfig.joint(), 7));
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            Gate gate = Gate.compile(manager);
            assertThatThrownBy(() -> RouterTuning.joint(
                            adapted, routers, gate, sampled, LOOP, n -> new int[0][], "ids", 1, model.decoder()))
                    .hasMessageContaining("withRho(1)");
        }
    }

    @Test
    void dropoutLeavesOutItsShareAndKeepsTheMean() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            Dropout masks = new SeededDropout(manager).masks(.2, 3);
            NDArray like = manager.create(1f);
            NDArray mask = masks.mask(0, Projection.Q, like, 400, 500);

            double left = mask.toType(DataType.FLOAT32, false).mean().getFloat();
            assertThat(left).isCloseTo(.2, within(.005));
            assertThat((1 - left) * masks.scale()).isCloseTo(1, within(.01));
            assertThat(masks.mask(0, Projection.Q, like, 400, 500)).isEqualTo(mask);
            assertThat(masks.mask(1, Projection.Q, like, 400, 500)).isNotEqualTo(mask);
        }
    }

    @Test
    void sampledEstimateIsExactOnAverage() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Budget free = Budget.of(.25).withAlpha(0);
            RouterTuningConfig exact = RouterTuningConfig.paper(.25).withBudget(free);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            Gate gate = Gate.compile(manager);
            List<float[]> reference = new ArrayList<>();
            List<float[]> mean = new ArrayList<>();

            for (int seed = 0; seed < 80; seed++) {
                add(reference, gradients(tuning(model, manager, gate, exact, LOOP.withSeed(seed), batches), manager));
                add(
                        mean,
                        gradients(
                                tuning(model, manager, gate, exact.withRho(.5), LOOP.withSeed(seed), batches),
                                manager));
            }

            assertThat(cosine(mean, reference)).isGreaterThan(0.95);
            assertThat(norm(mean) / norm(reference)).isCloseTo(1, within(.1));
        }
    }

    @Test
    void globalBudgetIsThatOfOneLargeBatch() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            int[] ids = golden.ids(0);
            int[] turned = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                turned[i] = ids[ids.length - 1 - i];
            }
            int[][] both = {ids, turned};
            Batches halves = n -> new int[][] {both[(int) (n % 2)]};
            // At step 4 of 4 the noise has shrunk to nothing, so that one batch and two halves decide alike.
            RouterTuningConfig quiet = RouterTuningConfig.paper(.5).withNoise(1, 0);
            Gate gate = Gate.compile(manager);
            double one =
                    value(backward(tuning(model, manager, gate, quiet, LOOP, n -> new int[][] {ids}), manager, 4), "r");
            double other = value(
                    backward(tuning(model, manager, gate, quiet, LOOP, n -> new int[][] {turned}), manager, 4), "r");
            assertThat(other).isNotEqualTo(one);
            // Between the halves' rates, so that each half alone would be pulled another way.
            RouterTuningConfig local = quiet.withBudget(Budget.of(one + .25 * (other - one)));
            RouterTuningConfig global = local.withBudget(local.budget().withScope(Budget.Scope.GLOBAL_BATCH));

            List<float[]> large = gradients(tuning(model, manager, gate, global, LOOP, n -> both), manager, 4, 1);
            LoopConfig two = LOOP.withAccumulation(2);
            List<float[]> sum = gradients(tuning(model, manager, gate, global, two, halves), manager, 4, 2);
            List<float[]> apart = gradients(tuning(model, manager, gate, local, two, halves), manager, 4, 2);

            assertThat(relative(sum, large)).isLessThan(GRADIENT);
            assertThat(relative(apart, large)).isGreaterThan(.01);
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void evictedKeysAreTunedAsTheyAreUsed(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            RouterTuningConfig config = RouterTuningConfig.paper(.25)
                    .withKvPolicy(KvPolicy.EXECUTED)
                    .withForced(ForcedExecution.none().withFirstTokens(2))
                    .withNoise(1, 0);
            Gate gate = Gate.compile(manager);
            int[] ids = golden.ids(0);
            RouterTuning tuning = tuning(model, manager, gate, config, LOOP, n -> new int[][] {ids});
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            LanguageModel routed = model.withPolicy(RoutedPolicy.of(gate, routers)
                    .withKvPolicy(KvPolicy.EXECUTED)
                    .withForced(config.forced()));

            Map<String, Double> row = backward(tuning, manager, 4);
            double sum = 0;
            for (float p : routed.logProbabilities(ids)[0]) {
                sum -= p;
            }

            assertThat(row.get("LM loss")).isCloseTo(sum / (ids.length - 1), within(1e-4));
        }
    }

    @Test
    void boundsCurriculumAndCoupledRoutersAreFollowed() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            RouterTuningConfig config = RouterTuningConfig.paper(.25);
            Gate gate = Gate.compile(manager);

            RouterTuning bounded =
                    tuning(model, manager, gate, config.withBounds(new ExecutionBounds(.5, .5)), LOOP, batches);
            assertThat(backward(bounded, manager, 0).get("r")).isCloseTo(.5, within(.03));

            RouterTuningConfig slow = config.withSchedule(new TargetSchedule.Stairs(500));
            assertThat(List.of(
                            slow.target(0, 10_000),
                            slow.target(499, 10_000),
                            slow.target(500, 10_000),
                            slow.target(1500, 10_000)))
                    .containsExactly(0.0, 0.0, 0.1, 0.25);
            Map<String, Double> row = backward(tuning(model, manager, gate, slow, LOOP, batches), manager, 0);
            assertThat(row.get("penalty")).isCloseTo(8 * value(row, "r"), within(1e-9));

            Routers one = Routers.init(
                    manager, model.config(), RouterConfig.defaults().asCoupled(), 5);
            RouterTuning coupled = RouterTuning.of(model, one, gate, config, LOOP, batches, "ids");
            Map<String, Double> whole = backward(coupled, manager, 0);
            assertThat(whole.get("s_attn")).isEqualTo(whole.get("s_mlp"));
        }
    }

    @Test
    void gumbelStageTwoDrawsAnewAndRepeats() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LoraConfig config = LoraConfig.defaults().withRank(3);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            LanguageModel adapted = model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers))
                    .withAdapter(Lora.init(manager, model.config(), config, 7));
            Batches batches = n -> new int[][] {golden.ids(0), golden.ids(1)};
            double[][] rates = new double[4][];
            for (int i = 0; i < 4; i++) {
                Sampling sampling = i < 2 ? Sampling.GUMBEL : Sampling.ARGMAX;
                LoraTuning tuning = new LoraTuning(
                        adapted, config, LOOP, batches, i == 1, "ids", sampling, Teacher.none(), Optional.empty());
                rates[i] = new double[] {
                    backward(tuning, manager, 0).get("r"),
                    backward(tuning, manager, 1).get("r")
                };
            }

            assertThat(rates[0]).as("whole and recomputed draw alike").isEqualTo(rates[1]);
            assertThat(rates[0][0]).as("another step, another draw").isNotEqualTo(rates[0][1]);
            assertThat(rates[2][0]).as("argmax does not draw").isEqualTo(rates[3][1]);
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void sameSeedSameRunOfEveryStage(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            Batches batches = n -> new int[][] {golden.ids((int) (n % 2))};
            Gate gate = Gate.compile(manager);
            LoraConfig lora = LoraConfig.joint().withRank(2);
            List<double[]> joint = new ArrayList<>();
            List<double[]> second = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
                LanguageModel adapted = model.withAdapter(Lora.init(manager, model.config(), lora, 7));
                RouterTuning both = RouterTuning.joint(
                        adapted,
                        routers,
                        gate,
                        RouterTuningConfig.paper(.25),
                        LOOP,
                        batches,
                        "ids",
                        .1,
                        model.decoder());
                joint.add(TrainingLoop.run(both, LOOP, manager, ProgressObserver.silent())
                        .log()
                        .column("loss"));
                LanguageModel routed = adapted.withPolicy(RoutedPolicy.of(gate, routers.copy(manager)));
                LoraTuning tuning = new LoraTuning(routed, lora, LOOP, batches, false, "ids");
                second.add(TrainingLoop.run(tuning, LOOP, manager, ProgressObserver.silent())
                        .log()
                        .column("loss"));
            }

            assertThat(joint.get(1)).isEqualTo(joint.get(0));
            assertThat(second.get(1)).isEqualTo(second.get(0));
        }
    }

    private static double value(Map<String, Double> row, String name) {
        return row.getOrDefault(name, Double.NaN);
    }

    private static RouterTuning tuning(
            LanguageModel model,
            NDManager manager,
            Gate gate,
            RouterTuningConfig config,
            LoopConfig loop,
            Batches batches) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        return RouterTuning.of(model, routers, gate, config, loop, batches, "ids");
    }

    @SuppressWarnings("try") // the mode is closed, not used
    private static Map<String, Double> backward(Objective objective, NDManager manager, long step) {
        try (NDManager scope = manager.newSubManager();
                var on = Torch.gradients(true)) {
            Map<String, Double> row = objective.backward(scope, step, 0, 1);
            objective.parameters().values().forEach(Gradients::clear);
            return row;
        }
    }

    private static List<float[]> gradients(Objective objective, NDManager manager) {
        return gradients(objective, manager, 1, 1);
    }

    @SuppressWarnings("try") // the mode is closed, not used
    private static List<float[]> gradients(Objective objective, NDManager manager, long step, int micros) {
        try (var on = Torch.gradients(true)) {
            for (int micro = 0; micro < micros; micro++) {
                try (NDManager scope = manager.newSubManager()) {
                    objective.backward(scope, step, micro, 1.0 / micros);
                }
            }
            List<float[]> out = new ArrayList<>();
            for (NDArray p : objective.parameters().values()) {
                out.add(Gradients.of(p).toFloatArray());
            }
            return out;
        }
    }

    private static void add(List<float[]> sum, List<float[]> more) {
        if (sum.isEmpty()) {
            sum.addAll(more);
            return;
        }
        for (int i = 0; i < sum.size(); i++) {
            for (int j = 0; j < sum.get(i).length; j++) {
                sum.get(i)[j] += more.get(i)[j];
            }
        }
    }

    private static double dot(List<float[]> a, List<float[]> b) {
        double sum = 0;
        for (int i = 0; i < a.size(); i++) {
            for (int j = 0; j < a.get(i).length; j++) {
                sum += (double) a.get(i)[j] * b.get(i)[j];
            }
        }
        return sum;
    }

    private static double norm(List<float[]> a) {
        return Math.sqrt(dot(a, a));
    }

    private static double cosine(List<float[]> a, List<float[]> b) {
        return dot(a, b) / (norm(a) * norm(b));
    }

    private static double relative(List<float[]> own, List<float[]> reference) {
        return Math.sqrt(Math.max(0, dot(own, own) - 2 * dot(own, reference) + dot(reference, reference)))
                / norm(reference);
    }
}
