package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.torch.Torch;

/** Texts that share a beginning say in one pass over its pieces what each of them says alone. */
class BranchesEngineTest {
    private static final double TOLERANCE = 1e-4;
    private static final int[] PARENTS = {-1, 0, 0, 2, 2, -1, 0};

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void piecesEqualWholeTextsUnderEveryPolicy(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int[][] pieces = {
                Arrays.copyOf(golden.ids(0), 15),
                Arrays.copyOfRange(golden.ids(0), 15, golden.ids(0).length),
                {7, 8},
                {9},
                Arrays.copyOf(golden.ids(1), 11),
                golden.ids(1),
                {3, 4, 5}
            };
            for (KvPolicy kv : KvPolicy.values()) {
                for (double share : new double[] {0, 0.6, 1}) {
                    for (Execution execution : Execution.values()) {
                        LayerPolicy policy = new ForcedPolicy(
                                share,
                                share,
                                Pattern.UNIFORM,
                                kv,
                                dense.config().layers(),
                                11);
                        compare(
                                as(dense.withPolicy(policy), execution),
                                pieces,
                                kv + " at " + share + ", " + execution);
                    }
                }
            }
            compare(dense.withPolicy(new WithoutLayer(1)), pieces, "without a layer");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "llama3", "mistral", "gemma2"})
    void longPiecesEqualWholeTexts(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            Random random = new Random(8);
            int[][] pieces = IntStream.of(37, 300, 129, 128, 16, 1, 200)
                    .mapToObj(length ->
                            random.ints(length, 3, model.config().vocabulary()).toArray())
                    .toArray(int[][]::new);
            compare(model, pieces, "long");
        }
    }

    private static LanguageModel as(LanguageModel model, Execution execution) {
        return switch (execution) {
            case MASKED -> model.masked();
            case PACKED -> model.packed();
            case ALWAYS_PACKED -> model.alwaysPacked();
        };
    }

    private static void compare(LanguageModel model, int[][] pieces, String what) {
        int v = model.config().vocabulary();
        float[] flat;
        int[] starts;
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().branches(scope, pieces, PARENTS);
            starts = rows.starts();
            flat = model.decoder().logits(model.forward(rows, Trace.none())).toFloatArray();
        }
        for (int p = 0; p < pieces.length; p++) {
            int[] whole = pieces[p];
            for (int before = PARENTS[p]; before >= 0; before = PARENTS[before]) {
                whole = IntStream.concat(Arrays.stream(pieces[before]), Arrays.stream(whole))
                        .toArray();
            }
            float[] alone;
            try (NDManager scope = model.scope()) { // some are longer than the small model's context
                Rows rows = model.decoder().rows(scope, whole);
                alone = model.decoder()
                        .logits(model.forward(rows, Trace.none()))
                        .toFloatArray();
            }
            float[] tail = Arrays.copyOfRange(alone, (whole.length - pieces[p].length) * v, whole.length * v);
            float[] here = Arrays.copyOfRange(flat, starts[p] * v, starts[p + 1] * v);
            assertThat(FamilyGoldenTest.maxDifference(here, tail))
                    .as("%s, piece %d", what, p)
                    .isLessThan(TOLERANCE);
        }
    }

    @Test
    void aPieceBeforeTheOneItContinuesIsAnError() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            assertThatThrownBy(() -> model.decoder().branches(manager, new int[][] {{1}, {2}}, new int[] {1, -1}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("piece 0 continues piece 1");
        }
    }
}
