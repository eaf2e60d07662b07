package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** Laws of routed models, on every family of the foundation. */
class RoutingLawsEngineTest {
    /** fp32 products over other numbers of rows. */
    private static final double ROUNDING = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void routersThatAlwaysExecuteAreTheDenseModelBitForBit(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int[][] ids = {golden.ids(0), golden.ids(1)};

            LanguageModel open = leaning(dense, manager, 1000);

            assertThat(open.logits(ids)).isDeepEqualTo(dense.logits(ids));
            assertThat(open.masked().logits(ids)).isDeepEqualTo(dense.logits(ids));
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void routersThatNeverExecuteLeaveEmbeddingAndHead(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            Rows rows = dense.decoder().rows(manager, golden.ids(0));
            float[] bare = dense.decoder().logits(dense.decoder().embed(rows)).toFloatArray();

            LanguageModel closed = leaning(dense, manager, -1000);

            assertThat(flat(closed.logits(golden.ids(0))[0])).isEqualTo(bare);
            assertThat(flat(closed.masked().logits(golden.ids(0))[0])).isEqualTo(bare);
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void maskedIsPackedPaddingDoesNotExistAndTheFutureChangesNothing(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            for (RouterConfig config : List.of(
                    RouterConfig.defaults(),
                    RouterConfig.official(),
                    RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS),
                    RouterConfig.defaults().asCoupled())) {
                for (KvPolicy kv : List.of(KvPolicy.KEEP, KvPolicy.EXECUTED)) {
                    LanguageModel dense = golden.model(manager);
                    RoutedPolicy policy = RoutedPolicy.of(
                                    Gate.compile(manager), Routers.init(manager, dense.config(), config, 5))
                            .withKvPolicy(kv);
                    LanguageModel routed = dense.withPolicy(policy).alwaysPacked();
                    String name = config.form() + " " + config.norm() + " " + config.coupled() + " " + kv;
                    int[] ids = golden.ids(0);
                    float[][] alone = routed.logits(ids)[0];
                    int[] start = Arrays.copyOf(ids, ids.length / 2);

                    close(routed.masked().logits(ids)[0], alone, name + ": masked");
                    close(routed.logits(golden.ids(1), ids)[1], alone, name + ": beside a shorter sequence");
                    close(routed.logits(start)[0], Arrays.copyOf(alone, start.length), name + ": without a future");
                    assertThat(RoutingTrace.of(routed, ids).skipped(ModuleKind.MLP))
                            .as(name)
                            .isBetween(0.05, 0.95);
                }
            }
        }
    }

    @Test
    void coupledRoutersDecideForWholeLayersAndForcedRowsExecute() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            Routers routers = Routers.init(
                    manager, dense.config(), RouterConfig.defaults().asCoupled(), 5);
            RoutedPolicy policy = RoutedPolicy.of(Gate.compile(manager), routers);

            RoutingTrace trace = RoutingTrace.of(dense.withPolicy(policy), golden.ids(0));
            RoutingTrace forced = RoutingTrace.of(
                    leaning(dense, manager, -1000)
                            .withPolicy(((RoutedPolicy)
                                            leaning(dense, manager, -1000).policy())
                                    .withForced(ForcedExecution.none()
                                            .withFirstTokens(2)
                                            .withLayers(Set.of(1)))),
                    golden.ids(0),
                    golden.ids(1));

            assertThat(routers.all()).hasSize(dense.config().layers());
            for (int layer = 0; layer < dense.config().layers(); layer++) {
                assertThat(trace.modules().get(2 * layer).executed())
                        .isEqualTo(trace.modules().get(2 * layer + 1).executed());
            }
            int second = golden.ids(0).length;
            for (ModuleRouting m : forced.modules()) {
                for (int t = 0; t < m.executed().length; t++) {
                    boolean first = t < 2 || (t >= second && t < second + 2);
                    assertThat(m.executed()[t]).isEqualTo(first || m.site().layer() == 1);
                }
            }
        }
    }

    @Test
    @SuppressWarnings("try") // the mode is closed, not used
    void straightThroughGateIsHardForwardAndSoftBackward() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                var on = Torch.gradients(true)) {
            Gate gate = Gate.compile(manager);
            Rows rows = golden.model(manager).decoder().rows(manager, golden.ids(1));
            int n = rows.size();
            NDArray logits = manager.create(draws(2 * n, 3), new Shape(n, 2));
            NDArray noise = manager.create(draws(2 * n, 4), new Shape(n, 2));
            Gradients.require(logits);
            float[] up = draws(n, 5);
            double tau = 1.7;

            NDList sample = gate.sample(logits, noise, tau, ExecutionBounds.none(), ForcedExecution.none(), rows);
            Gradients.backward(sample.get(0), manager.create(up));

            float[] z = logits.toFloatArray();
            float[] g = noise.toFloatArray();
            float[] open = sample.get(0).toFloatArray();
            float[] gradient = Gradients.of(logits).toFloatArray();
            for (int t = 0; t < n; t++) {
                double margin = ((double) z[2 * t + 1] + g[2 * t + 1] - z[2 * t] - g[2 * t]) / tau;
                double y = 1 / (1 + Math.exp(-margin));
                double slope = up[t] * y * (1 - y) / tau;
                assertThat(open[t]).isEqualTo(margin > 0 ? 1f : 0f);
                assertThat((double) gradient[2 * t + 1]).isCloseTo(slope, within(1e-6));
                assertThat((double) gradient[2 * t]).isCloseTo(-slope, within(1e-6));
            }
        }
    }

    @Test
    void boundsFlipTheRowsNearestToTheBoundary() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Gate gate = Gate.compile(manager);
            Rows rows = golden.model(manager).decoder().rows(manager, new int[] {1, 2, 3, 4});
            NDArray logits = manager.create(new float[] {0, -3, 0, -1, 0, -2, 0, 4}, new Shape(4, 2));
            NDArray none = manager.zeros(new Shape(4, 2));

            assertThat(gates(gate, logits, none, new ExecutionBounds(.5, 1), rows))
                    .containsExactly(0, 1, 0, 1);
            assertThat(gates(gate, logits, none, new ExecutionBounds(0, .25), rows))
                    .containsExactly(0, 0, 0, 1);
            assertThat(gates(gate, logits, none, new ExecutionBounds(0, 0), rows))
                    .containsExactly(0, 0, 0, 0);
            assertThat(gates(gate, logits, none, ExecutionBounds.none(), rows)).containsExactly(0, 0, 0, 1);
        }
    }

    @Test
    void normedRouterInputIsTheRmsNormOfTheStream() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            RouterConfig config = RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS);
            Router router = Routers.init(manager, model.config(), config, 5).of(ModuleSite.of(0));
            int d = model.config().width();
            float[] u = draws(3 * d, 8);

            float[] own = Gate.compile(manager)
                    .logits(router, manager.create(u, new Shape(3, d)))
                    .toFloatArray();

            float[] w = router.parameters().get(0).toFloatArray();
            for (int row = 0; row < 3; row++) {
                double squares = 0;
                for (int i = 0; i < d; i++) {
                    squares += (double) u[row * d + i] * u[row * d + i] / d;
                }
                for (int k = 0; k < 2; k++) {
                    double z = 0;
                    for (int i = 0; i < d; i++) {
                        z += w[k * d + i] * u[row * d + i] / Math.sqrt(squares + 1e-6);
                    }
                    assertThat((double) own[2 * row + k]).isCloseTo(z, within(1e-5));
                }
            }
        }
    }

    private static float[] gates(Gate gate, NDArray logits, NDArray noise, ExecutionBounds bounds, Rows rows) {
        return gate.sample(logits, noise, 1, bounds, ForcedExecution.none(), rows)
                .get(0)
                .toFloatArray();
    }

    /** Routers whose bias decides alone. */
    private static LanguageModel leaning(LanguageModel dense, NDManager manager, float bias) {
        Routers routers = Routers.init(manager, dense.config(), RouterConfig.defaults(), 5);
        for (Router r : routers.all()) {
            r.parameters().get(1).set(new float[] {0, bias});
        }
        return dense.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));
    }

    private static float[] draws(int n, long seed) {
        Random random = new Random(seed);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = (float) random.nextGaussian();
        }
        return out;
    }

    private static float[] flat(float[][] rows) {
        float[] out = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, out, i * rows[0].length, rows[0].length);
        }
        return out;
    }

    private static void close(float[][] own, float[][] expected, String what) {
        double worst = 0;
        float[] a = flat(own);
        float[] b = flat(expected);
        assertThat(a).hasSameSizeAs(b);
        for (int i = 0; i < a.length; i++) {
            worst = Math.max(worst, Math.abs((double) a[i] - b[i]));
        }
        assertThat(worst).as(what).isLessThan(ROUNDING);
    }
}
