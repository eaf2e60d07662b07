package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** What must hold whatever the weights are. */
class LawsEngineTest {
    /** fp32 products over another number of rows. */
    private static final double ROWS_DIFFER = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void openGatesAreDenseBitForBit(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            float[] expected = whole(dense, golden.ids(0));
            float[] grown = oneByOne(dense, golden.ids(0));
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel open = dense.withPolicy(new Gates(1, kv));
                assertThat(whole(open, golden.ids(0))).as("packed, %s", kv).isEqualTo(expected);
                assertThat(whole(open.alwaysPacked(), golden.ids(0)))
                        .as("always packed, %s", kv)
                        .isEqualTo(expected);
                assertThat(oneByOne(open, golden.ids(0))).as("cached, %s", kv).isEqualTo(grown);
                if (kv != KvPolicy.EXECUTED) {
                    assertThat(whole(open.masked(), golden.ids(0)))
                            .as("masked, %s", kv)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void closedGatesLeaveTheEmbeddingAndTheHeadBitForBit(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            float[] bare;
            try (NDManager scope = dense.scope()) {
                Rows rows = dense.decoder().rows(scope, golden.ids(0));
                bare = dense.decoder().logits(dense.decoder().embed(rows)).toFloatArray();
            }
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel closed = dense.withPolicy(new Gates(0, kv));
                assertThat(whole(closed, golden.ids(0))).as("packed, %s", kv).isEqualTo(bare);
                assertThat(whole(closed.masked(), golden.ids(0)))
                        .as("masked, %s", kv)
                        .isEqualTo(bare);
                // The head sees one row at a time here.
                assertThat(FamilyGoldenTest.maxDifference(oneByOne(closed, golden.ids(0)), bare))
                        .as("cached, %s", kv)
                        .isLessThan(ROWS_DIFFER);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void futureTokensChangeNothingEarlier(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            int[] other = ids.clone();
            int kept = ids.length / 2;
            for (int t = kept; t < ids.length; t++) {
                other[t] = (ids[t] + 1 + t) % dense.config().vocabulary();
            }
            int numbers = kept * dense.config().vocabulary();
            assertThat(Arrays.copyOf(whole(dense, other), numbers))
                    .as("dense")
                    .isEqualTo(Arrays.copyOf(whole(dense, ids), numbers));
            for (KvPolicy kv : KvPolicy.values()) {
                for (Pattern pattern : Pattern.values()) {
                    LanguageModel skipping = dense.withPolicy(forced(dense, 0.5, pattern, kv));
                    for (LanguageModel model : new LanguageModel[] {skipping.alwaysPacked(), skipping.masked()}) {
                        float[] changed = whole(model, other);
                        assertThat(FamilyGoldenTest.maxDifference(
                                        Arrays.copyOf(changed, numbers), Arrays.copyOf(whole(model, ids), numbers)))
                                .as("%s, %s, %s", kv, pattern, model.execution())
                                .isLessThan(ROWS_DIFFER);
                        assertThat(changed).isNotEqualTo(whole(model, ids));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void otherSequencesOfTheBatchChangeNothing(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel model = dense.withPolicy(forced(dense, 0.5, Pattern.UNIFORM, kv))
                        .alwaysPacked();
                float[] alone = whole(model, ids);
                for (int[][] batch : new int[][][] {
                    {ids, {3}},
                    {ids, golden.ids(1), {8, 9}},
                    {ids, ids.clone(), ids.clone()}
                }) {
                    assertThat(FamilyGoldenTest.maxDifference(FamilyGoldenTest.flat(model.logits(batch)[0]), alone))
                            .as("%s, %d sequences", kv, batch.length)
                            .isLessThan(ROWS_DIFFER);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void narrowWeightsComputeNearlyTheSameAndSkipTheSame(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            float[] expected = golden.floats("logits.0");
            double size = 0;
            for (float value : expected) {
                size = Math.max(size, Math.abs(value));
            }
            for (Dtype dtype : new Dtype[] {Dtype.BF16, Dtype.FP16}) {
                LanguageModel narrow = golden.model(manager, dtype);
                assertThat(FamilyGoldenTest.maxDifference(whole(narrow, golden.ids(0)), expected) / size)
                        .as("%s, share of the largest logit %f", dtype, size)
                        .isBetween(1e-7, dtype == Dtype.BF16 ? 0.1 : 0.02);
                LanguageModel skipping = narrow.withPolicy(forced(narrow, 0.5, Pattern.UNIFORM, KvPolicy.DEFERRED));
                float[] masked = whole(skipping.masked(), golden.ids(0));
                assertThat(FamilyGoldenTest.maxDifference(whole(skipping.alwaysPacked(), golden.ids(0)), masked) / size)
                        .as("%s, packed", dtype)
                        .isLessThan(0.02);
                assertThat(FamilyGoldenTest.maxDifference(oneByOne(skipping, golden.ids(0)), masked) / size)
                        .as("%s, cached", dtype)
                        .isLessThan(0.02);
            }
        }
    }

    @Test
    void aThousandStepsLeaveNothingBehind() throws IOException {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig shape = DecoderConfig.llama(64, 256, 256, 1, 4, 2).withMaxPositions(2048);
            DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 3);
            LanguageModel model = LanguageModel.dense("steps", "", Golden.numbers(64), shape, weights)
                    .withPolicy(new ForcedPolicy(0.5, 0.5, Pattern.UNIFORM, KvPolicy.DEFERRED, 1, 5))
                    .alwaysPacked();
            int[] ids = new int[128];
            Arrays.setAll(ids, t -> t % 64);
            int arrays = 0;
            long resident = 0;
            try (Session session = model.session(1)) {
                session.append(ids);
                for (int step = 0; step < 1100; step++) {
                    if (step == 100) {
                        arrays = manager.getManagedArrays().size();
                        resident = residentBytes();
                    }
                    model.logProbabilities(ids);
                    session.append(new int[] {step % 64});
                }
                // A few rows may wait for a later token at the one moment and not at the other.
                assertThat(manager.getManagedArrays().size()).isBetween(arrays - 8, arrays + 8);
            }
            assumeTrue(resident > 0, "this system does not say how much memory is resident");
            // One forgotten (128, 256) array a step would be 125 MiB; the Java heap moves by less than this.
            assertThat(residentBytes() - resident).isLessThan(48L << 20);
        }
    }

    private static long residentBytes() throws IOException {
        Path status = Path.of("/proc/self/statm");
        System.gc();
        return Files.exists(status)
                ? 4096 * Long.parseLong(Files.readString(status).split(" ")[1])
                : 0;
    }

    private static float[] whole(LanguageModel model, int[] ids) {
        return FamilyGoldenTest.flat(model.logits(ids)[0]);
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

    private static LayerPolicy forced(LanguageModel model, double share, Pattern pattern, KvPolicy kv) {
        return new ForcedPolicy(share, share, pattern, kv, model.config().layers(), 11);
    }

    /** A gate a row, all the same. */
    private record Gates(float gate, KvPolicy kvPolicy) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            float[] gates = new float[rows.size()];
            Arrays.fill(gates, gate);
            return Decision.gated(residual.getManager().create(gates));
        }

        @Override
        public Identity identity() {
            return Identity.of("gates", this);
        }

        @Override
        public String describe() {
            return "gates " + gate;
        }
    }
}
