package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.Decision;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** Forms of routers, thresholds, and what a trace says, against arithmetic by hand. */
class RoutingOptionsEngineTest {
    /** fp32 sums in another order. */
    private static final double ROUNDING = 1e-5;

    @Test
    void routersWithoutBiasAreBareProducts() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            int d = model.config().width();
            float[] u = draws(d, 3);
            RouterConfig linear = RouterConfig.defaults().withBias(false);
            RouterConfig mlp = RouterConfig.official().withBias(false).withHidden(5);

            Router one = Routers.init(manager, model.config(), linear, 5).all().get(0);
            Router two = Routers.init(manager, model.config(), mlp, 5).all().get(0);
            Gate gate = Gate.compile(manager);
            NDArray row = manager.create(u, new Shape(1, d));

            assertThat(one.parameters()).hasSize(1);
            assertThat(two.parameters()).hasSize(2);
            double[] hidden = times(two.parameters().get(0), u);
            for (int i = 0; i < hidden.length; i++) {
                hidden[i] = Math.max(0, hidden[i]);
            }
            assertThat(hidden).hasSize(5);
            close(gate.logits(one, row), times(one.parameters().get(0), u));
            close(gate.logits(two, row), times(two.parameters().get(1), floats(hidden)));
            assertThat(List.of(linear.parameters(d), mlp.parameters(d))).containsExactly(2L * d, 5L * d + 10);
        }
    }

    @Test
    void routersOfTheLayersInputDoNotSeeWhatAttentionAdds() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            int d = model.config().width();
            NDArray residual = manager.create(draws(d, 3), new Shape(1, d));
            NDArray layer = manager.create(draws(d, 4), new Shape(1, d));
            var rows = model.decoder().rows(manager, new int[] {1});
            ModuleSite mlp = ModuleSite.of(1);
            for (RouterConfig config : List.of(RouterConfig.defaults(), RouterConfig.published())) {
                Routers routers = Routers.init(manager, model.config(), config, 5);
                RoutedPolicy policy = RoutedPolicy.of(gate, routers).withLogits();

                NDArray read =
                        policy.decide(mlp, residual, layer, rows).logits().orElseThrow();

                NDArray expected = config.input() == RouterConfig.Input.LAYER ? layer : residual;
                assertThat(read.toFloatArray()[1])
                        .isEqualTo(gate.logits(routers.of(mlp), expected).toFloatArray()[1]);
            }
        }
    }

    @Test
    void modulesExecuteFromTheThresholdOn() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            RoutedPolicy policy = RoutedPolicy.of(Gate.compile(manager), routers);
            int executed = 0;
            int near = 0;
            for (double theta : new double[] {0.3, 0.5, 0.6}) {
                RoutingTrace trace = RoutingTrace.of(
                        model.withPolicy(policy.withThresholds(Thresholds.of(theta))), golden.ids(0), golden.ids(1));
                for (ModuleRouting m : trace.modules()) {
                    for (int t = 0; t < m.executed().length; t++) {
                        assertThat(m.executed()[t]).isEqualTo(m.probability()[t] >= theta);
                        executed += m.executed()[t] ? 1 : 0;
                        near += m.probability()[t] > .3 && m.probability()[t] < .6 ? 1 : 0;
                    }
                }
            }
            assertThat(executed).isPositive();
            assertThat(near).as("tokens whose decision depends on theta").isPositive();
        }
    }

    @Test
    void rowsDecidedOneByOneDecideAsTogether() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            int d = model.config().width();
            int n = 40;
            NDArray u = manager.create(draws(n * d, 9), new Shape(n, d));
            Rows all = model.decoder().rows(manager, new int[][] {new int[n]});
            ModuleSite site = ModuleSite.of(3);
            for (RouterConfig config : List.of(
                    RouterConfig.defaults(),
                    RouterConfig.defaults().withBias(false),
                    RouterConfig.defaults().asCoupled(),
                    RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS),
                    RouterConfig.official())) {
                Routers routers = Routers.init(manager, model.config(), config, 5);
                double theta = Thresholds.of(0.52).at(site.index());
                float[] logits = gate.logits(routers.of(site), u).toFloatArray();
                for (int row = 0; row < n; row++) {
                    assertThat(Math.abs(logits[2 * row + 1] - logits[2 * row] - theta))
                            .as("no row lies on the threshold")
                            .isGreaterThan(ROUNDING);
                }
                for (int first : new int[] {0, 3}) {
                    RoutedPolicy policy = RoutedPolicy.of(gate, routers)
                            .withThresholds(Thresholds.of(0.52))
                            .withForced(ForcedExecution.none().withFirstTokens(first));
                    float[] together = gates(policy.decide(site, u, u, all));
                    float[] alone = new float[n];
                    for (int row = 0; row < n; row++) {
                        Rows one = model.decoder().rows(manager, new int[][] {{0}}, new int[] {row});
                        NDArray own = u.get(row + ":" + (row + 1));
                        alone[row] = gates(policy.settled().decide(site, own, own, one))[0];
                    }
                    assertThat(alone).as(config + " first " + first).isEqualTo(together);
                    assertThat(together).contains(0f).contains(1f);
                }
            }
        }
    }

    private static float[] gates(Decision decision) {
        return decision.gate().toFloatArray();
    }

    @Test
    void traceTellsEntropyInBitsAndWarnsOfCollapse() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            for (Router r : routers.all()) {
                NDArray w = r.parameters().get(0);
                w.set(new float[(int) w.size()]);
                r.parameters().get(1).set(new float[] {0, (float) Math.log(3)});
            }
            routers.all().get(2).parameters().get(1).set(new float[] {0, -50});

            RoutingTrace trace =
                    RoutingTrace.of(model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers)), golden.ids(0));

            // p = 3/4: 2 - (3/4) log2(3) bits.
            double bits = 2 - .75 * Math.log(3) / Math.log(2);
            assertThat(trace.modules().get(0).entropy()).isCloseTo(bits, within(1e-6));
            assertThat(trace.modules().get(2).entropy()).isCloseTo(0, within(1e-6));
            assertThat(trace.modules().get(2).executedShare()).isZero();
            int modules = model.config().modules();
            // Here every router decides alike for all tokens, so every module has collapsed one way or the other.
            assertThat(trace.collapsed()).hasSize(modules);
            assertThat(trace.text())
                    .contains("collapsed (below 2 % or above 98 %): " + modules + " modules")
                    .contains("0.811");
        }
    }

    @Test
    void singleModulesMayHaveBoundsOfTheirOwn() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
            var rows = model.decoder().rows(manager, golden.ids(0));
            NDArray x = model.decoder().embed(rows);
            int n = rows.size();
            ExecutionBounds bounds = new ExecutionBounds(.5, .5).with(ModuleSite.of(1), 1, 1);
            LearningPolicy policy = new LearningPolicy(
                    gate,
                    routers,
                    new LearningPolicy.Setting(
                            3, 1, ForcedExecution.none(), bounds, KvPolicy.KEEP, 0, Positions.even()),
                    Noise.gumbel(gate, 7));

            policy.decide(ModuleSite.of(0), x, x, rows);
            policy.decide(ModuleSite.of(1), x, x, rows);

            assertThat(policy.gates().get(0).sum().getFloat()).isEqualTo((float) Math.ceil(n / 2.0));
            assertThat(policy.gates().get(1).sum().getFloat()).isEqualTo(n);
        }
    }

    private static double[] times(NDArray w, float[] u) {
        float[] m = w.toFloatArray();
        double[] out = new double[m.length / u.length];
        for (int i = 0; i < m.length; i++) {
            out[i / u.length] += (double) m[i] * u[i % u.length];
        }
        return out;
    }

    private static float[] floats(double[] numbers) {
        float[] out = new float[numbers.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) numbers[i];
        }
        return out;
    }

    private static void close(NDArray own, double[] expected) {
        float[] z = own.toFloatArray();
        assertThat(z).hasSize(expected.length);
        for (int i = 0; i < z.length; i++) {
            assertThat((double) z[i]).isCloseTo(expected[i], within(ROUNDING));
        }
    }

    private static float[] draws(int n, long seed) {
        Random random = new Random(seed);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) random.nextGaussian();
        }
        return out;
    }
}
