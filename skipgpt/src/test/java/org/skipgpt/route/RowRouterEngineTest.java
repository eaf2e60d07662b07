package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.Decision;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Session;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.Vectors;

/** One row's decisions in Java are the engine's. */
class RowRouterEngineTest {
    /** Logits around 1 whose sums of some hundred fp32 numbers are taken in another order. */
    private static final double ROUNDING = 1e-4;

    private static final int ROWS = 300;
    private static final int FORCED = 7;

    private final RowKernels kernels = Vectors.kernels()
            .orElseThrow(() -> new AssertionError(Vectors.missing().orElse("")));

    @Test
    void decisionsAreTheEnginesButWithinRoundingOfTheThreshold() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            for (RouterConfig config : forms()) {
                Routers routers = Routers.init(manager, model.config(), config, 5);
                double[] logits = new double[model.config().modules()];
                Arrays.setAll(logits, module -> 0.2 * (module % 3 - 1));
                RoutedPolicy policy = RoutedPolicy.of(gate, routers)
                        .withThresholds(new Thresholds(logits))
                        .withForced(new ForcedExecution(FORCED, Set.of(1)));
                compare(model, policy, manager, config.toString());
            }
        }
    }

    private static List<RouterConfig> forms() {
        List<RouterConfig> all = new ArrayList<>();
        for (RouterConfig.Form form : RouterConfig.Form.values()) {
            for (RouterConfig.Norm norm : RouterConfig.Norm.values()) {
                for (boolean bias : new boolean[] {true, false}) {
                    RouterConfig one = RouterConfig.defaults()
                            .withForm(form)
                            .withNorm(norm)
                            .withBias(bias);
                    all.addAll(List.of(one, one.withInput(RouterConfig.Input.LAYER), one.asCoupled()));
                }
            }
        }
        return all;
    }

    private void compare(LanguageModel model, RoutedPolicy policy, NDManager manager, String what) {
        RowPolicy alone = policy.ofOneRow(kernels).orElseThrow();
        int width = model.config().width();
        try (NDManager scope = manager.newSubManager()) {
            int[] ids = new int[ROWS];
            Rows rows = model.decoder().rows(scope, new int[][] {ids}, new int[1]);
            int near = 0;
            int open = 0;
            for (ModuleSite site : model.config().sites()) {
                float[][] residual = streams(width, 2L * site.index());
                float[][] input = streams(width, 2L * site.index() + 1);
                NDArray x = array(scope, residual);
                NDArray in = array(scope, input);
                Decision theirs = policy.decide(site, x, in, rows);
                Decision told = policy.withLogits().decide(site, x, in, rows);
                double threshold =
                        policy.thresholds().at(policy.routers().config().coupled() ? 2 * site.layer() : site.index());
                float[] gates = theirs.isAll() ? new float[0] : theirs.gate().toFloatArray();
                float[] both = told.logits().map(NDArray::toFloatArray).orElse(new float[0]);
                for (int row = 0; row < ROWS; row++) {
                    float weight = alone.weight(site, residual[row], input[row], 0, row);
                    open += weight == 1 ? 1 : 0;
                    boolean isNear = both.length > 0
                            && row >= FORCED
                            && Math.abs(both[2 * row + 1] - both[2 * row] - threshold) < ROUNDING;
                    if (isNear) {
                        near++;
                        continue;
                    }
                    float expected = theirs.isAll() ? 1 : gates[row];
                    assertThat(weight).as("%s, %s, row %d", what, site, row).isEqualTo(expected);
                }
            }
            int all = ROWS * model.config().modules();
            assertThat(near).as(what + ": rows too near to compare").isLessThan(all / 50);
            assertThat(open / (double) all).as(what + ": share that executes").isBetween(0.2, 0.95);
        }
    }

    private static float[][] streams(int width, long seed) {
        Random random = new Random(seed);
        float[][] rows = new float[ROWS][width];
        for (float[] row : rows) {
            for (int i = 0; i < width; i++) {
                row[i] = (float) random.nextGaussian();
            }
        }
        return rows;
    }

    private static NDArray array(NDManager scope, float[][] rows) {
        float[] flat = new float[rows.length * rows[0].length];
        for (int row = 0; row < rows.length; row++) {
            System.arraycopy(rows[row], 0, flat, row * rows[0].length, rows[0].length);
        }
        return scope.create(flat, new Shape(rows.length, rows[0].length));
    }

    /** A policy that says what it decides about one row, and fails where it is asked with arrays of one. */
    private record NumbersOnly(LayerPolicy inner) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            if (rows.size() == 1) {
                throw new AssertionError(site + " was asked with arrays");
            }
            return inner.decide(site, residual, layerInput, rows);
        }

        @Override
        public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
            return inner.ofOneRow(kernels);
        }

        @Override
        public boolean isDropped(ModuleSite site) {
            return inner.isDropped(site);
        }

        @Override
        public KvPolicy kvPolicy() {
            return inner.kvPolicy();
        }

        @Override
        public Identity identity() {
            return inner.identity();
        }

        @Override
        public String describe() {
            return inner.describe();
        }
    }

    @Test
    void aSessionNeverAsksRoutersWithArraysAndDroppedModulesStayDropped() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager).withStep(DecodingStep.JAVA);
            DecoderConfig config = dense.config();
            RoutedPolicy policy =
                    RoutedPolicy.of(Gate.compile(manager), Routers.init(manager, config, RouterConfig.defaults(), 5));
            DropPlan plan = DropPlan.of(
                    "by hand",
                    config,
                    List.of(new ModuleSite(0, ModuleKind.MLP), new ModuleSite(1, ModuleKind.ATTENTION)),
                    Provenance.of(""));
            LanguageModel routed = plan.applyTo(dense.withPolicy(policy));
            LanguageModel watched = routed.withPolicy(new NumbersOnly(routed.policy()));
            try (Session expected = routed.withStep(DecodingStep.ENGINE).session(1);
                    Session grown = watched.session(1)) {
                expected.append(Arrays.copyOf(golden.ids(0), 4));
                grown.append(Arrays.copyOf(golden.ids(0), 4));
                for (int t = 4; t < golden.ids(0).length; t++) {
                    expected.append(new int[] {golden.ids(0)[t]});
                    grown.append(new int[] {golden.ids(0)[t]});
                }
                assertThat(grown.executionRates()).isEqualTo(expected.executionRates());
                assertThat(grown.executionRates()[1]).isZero();
                assertThat(grown.executionRates()[2]).isZero();
            }
        }
    }

    @Test
    void whoIsAskedWithArraysIsNamed() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager).withStep(DecodingStep.JAVA);
            RoutedPolicy policy = RoutedPolicy.of(
                    Gate.compile(manager), Routers.init(manager, dense.config(), RouterConfig.defaults(), 5));

            assertThat(dense.decoding()).startsWith("Java").doesNotContain("arrays");
            assertThat(dense.withPolicy(policy).decoding()).startsWith("Java").doesNotContain("arrays");
            assertThat(dense.withPolicy(policy.withLogits()).decoding())
                    .startsWith("Java")
                    .contains("\"routers · linear\" is asked with arrays");
        }
    }
}
