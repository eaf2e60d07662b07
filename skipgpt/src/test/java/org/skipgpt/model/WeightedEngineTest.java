package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** A gate that is neither 0 nor 1 weighs what a module adds, however the decision is carried out. */
class WeightedEngineTest {
    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void everyExecutionHonoursTheWeight(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            int[] other = golden.ids(1);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel model = dense.withPolicy(new Weights(kv, 1));
                float[] masked = flat(model.masked(), ids, other);
                assertThat(FamilyGoldenTest.maxDifference(
                                masked,
                                flat(dense.withPolicy(new Weights(kv, 0)).masked(), ids, other)))
                        .as("weights matter, %s", kv)
                        .isGreaterThan(1e-2);
                for (LanguageModel way : new LanguageModel[] {model.packed(), model.alwaysPacked()}) {
                    assertThat(FamilyGoldenTest.maxDifference(flat(way, ids, other), masked))
                            .as("%s, %s", way.execution(), kv)
                            .isLessThan(TOLERANCE);
                }
                for (LanguageModel way : new LanguageModel[] {model.masked(), model.packed(), model.alwaysPacked()}) {
                    assertThat(FamilyGoldenTest.maxDifference(oneByOne(way, ids), flat(model.masked(), ids)))
                            .as("one by one, %s, %s", way.execution(), kv)
                            .isLessThan(TOLERANCE);
                    assertThat(FamilyGoldenTest.maxDifference(
                                    together(way, ids, other), last(model.masked(), ids, other)))
                            .as("two sequences, halves and steps, %s, %s", way.execution(), kv)
                            .isLessThan(TOLERANCE);
                }
            }
        }
    }

    @Test
    void aWeightOnAllRowsAndOneOnSomeAreTheProduct() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            NDArray weight = manager.create(new float[] {0.5f, 2, 1});

            assertThat(Decision.all().withWeight(weight).gate().toFloatArray()).containsExactly(0.5f, 2, 1);
            assertThat(Decision.none().withWeight(weight).isNone()).isTrue();
            Decision some = Decision.gated(manager, new float[] {1, 0, 1}).withWeight(weight);
            assertThat(some.gate().toFloatArray()).containsExactly(0.5f, 0, 1);
            assertThat(some.executing(3)).containsExactly(0, 2);
            assertThat(some.executed(3)).isEqualTo(2);
            assertThat(some.isWeighted()).isTrue();
            assertThat(Decision.gated(manager, new float[] {1, 0, 1}).isWeighted())
                    .isFalse();
        }
    }

    @Test
    void aGateThatIsNoNumberIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            Decision decision = Decision.gated(manager.create(new float[] {1, Float.NaN}));

            assertThatThrownBy(() -> decision.executing(2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("the gate of row 1 is NaN");
        }
    }

    @Test
    void aPolicyThatCallsItselfConstantAndGatesRowsIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager).withPolicy(new Claims());
            try (NDManager scope = model.scope()) {
                Rows rows = model.decoder().rows(scope, golden.ids(0));

                assertThatThrownBy(() -> model.forward(rows, new int[] {1}))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("isConstant must be false");
            }
        }
    }

    private static float[] flat(LanguageModel model, int[]... ids) {
        return FamilyGoldenTest.flat(
                Arrays.stream(model.logits(ids)).flatMap(Arrays::stream).toArray(float[][]::new));
    }

    private static float[] oneByOne(LanguageModel model, int[] ids) {
        float[][] logits = new float[ids.length][];
        try (Session session = model.session(1)) {
            for (int t = 0; t < ids.length; t++) {
                logits[t] = session.append(new int[] {ids[t]})[0];
            }
        }
        return FamilyGoldenTest.flat(logits);
    }

    /** Logits after two texts whose first halves are read at once, the rest token by token. */
    private static float[] together(LanguageModel model, int[] a, int[] b) {
        int[][] texts = {a, b};
        try (Session session = model.session(2)) {
            float[][] next = session.append(Arrays.copyOf(a, a.length / 2), Arrays.copyOf(b, b.length / 2));
            for (int t = 0; t < Math.max(a.length - a.length / 2, b.length - b.length / 2); t++) {
                int[][] step = new int[2][];
                for (int s = 0; s < 2; s++) {
                    int at = texts[s].length / 2 + t;
                    step[s] = at < texts[s].length ? new int[] {texts[s][at]} : new int[0];
                }
                next = session.append(step);
            }
            return FamilyGoldenTest.flat(next);
        }
    }

    private static float[] last(LanguageModel model, int[] a, int[] b) {
        float[][][] logits = model.logits(a, b);
        return FamilyGoldenTest.flat(new float[][] {logits[0][a.length - 1], logits[1][b.length - 1]});
    }

    /** By module and position: skips, or executes with a weight of 0.3, 1 or 1.7; or with 1 where weights are off. */
    private record Weights(KvPolicy kvPolicy, int on) implements LayerPolicy {
        private static final float[] CYCLE = {0.3f, 0, 1, 1.7f, 0, 0.3f};

        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            float[] gates = new float[rows.size()];
            for (int row = 0; row < gates.length; row++) {
                float weight = CYCLE[(rows.at()[row] + 5 * site.index()) % CYCLE.length];
                gates[row] = on == 1 || weight == 0 ? weight : 1;
            }
            return Decision.gated(residual.getManager().create(gates));
        }

        @Override
        public Identity identity() {
            return Identity.of("weights", this);
        }

        @Override
        public String describe() {
            return "weights";
        }
    }

    /** Says one thing and does another. */
    private record Claims() implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            float[] gates = new float[rows.size()];
            gates[0] = 1;
            return Decision.gated(residual.getManager(), gates);
        }

        @Override
        public boolean isConstant(ModuleSite site) {
            return true;
        }

        @Override
        public Identity identity() {
            return Identity.of("claims");
        }

        @Override
        public String describe() {
            return "claims";
        }
    }
}
