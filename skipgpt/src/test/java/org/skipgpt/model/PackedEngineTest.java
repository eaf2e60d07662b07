package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.bench.Benchmark;
import org.skipgpt.bench.BenchmarkOptions;
import org.skipgpt.bench.BenchmarkResult;
import org.skipgpt.bench.SpeedIdeal;
import org.skipgpt.bench.SpeedRow;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** Not doing skipped work gives what doing it and throwing it away gives. */
class PackedEngineTest {
    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void packedEqualsMaskedForRaggedBatches(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            for (KvPolicy kv : new KvPolicy[] {KvPolicy.KEEP, KvPolicy.EXECUTED}) {
                for (Pattern pattern : Pattern.values()) {
                    int layers = dense.config().layers();
                    LanguageModel model = dense.withPolicy(new ForcedPolicy(0.6, 0.5, pattern, kv, layers, 3));
                    compare(model, kv + " " + pattern, golden.ids(0), new int[] {5}, golden.ids(1), new int[] {9, 5});
                    compare(model, kv + " " + pattern + ", equal lengths", golden.ids(0), golden.ids(0));
                    compare(model, kv + " " + pattern + ", one token", new int[] {7});
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "gemma2"})
    void closedGatesLeaveEmbeddingAndHeadAndOpenOnesAreDense(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel closed = dense.withPolicy(new Same(0, kv));
                LanguageModel open = dense.withPolicy(new Same(1, kv));
                float[] bare;
                try (NDManager scope = dense.scope()) {
                    Rows rows = dense.decoder().rows(scope, golden.ids(0));
                    bare = dense.decoder().logits(dense.decoder().embed(rows)).toFloatArray();
                }
                float[] full = FamilyGoldenTest.flat(dense.logits(golden.ids(0))[0]);
                for (Execution execution : Execution.values()) {
                    assertThat(FamilyGoldenTest.maxDifference(logits(closed, execution, golden.ids(0)), bare))
                            .as("closed, %s, %s", kv, execution)
                            .isLessThan(1e-5);
                    assertThat(FamilyGoldenTest.maxDifference(logits(open, execution, golden.ids(0)), full))
                            .as("open, %s, %s", kv, execution)
                            .isLessThan(TOLERANCE);
                }
            }
        }
    }

    @Test
    void longSequencesAreCutIntoTilesAndStayEqual() {
        DecoderConfig shape = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 3);
            LanguageModel dense = LanguageModel.dense("long", "", Golden.numbers(64), shape, weights);
            int[] ids = IntStream.range(0, 1000).map(t -> (t * t + 7) % 64).toArray();
            for (double share : new double[] {0.2, 0.7}) {
                for (Pattern pattern : new Pattern[] {Pattern.UNIFORM, Pattern.CLUSTERED}) {
                    LanguageModel model =
                            dense.withPolicy(new ForcedPolicy(share, share, pattern, KvPolicy.KEEP, 2, 3));
                    compare(model, pattern + " " + share, ids, Arrays.copyOf(ids, 450), new int[] {9});
                    try (Session session = model.session(1)) {
                        session.append(Arrays.copyOf(ids, 430));
                        float[] last = session.append(Arrays.copyOfRange(ids, 430, 1000))[0];
                        assertThat(FamilyGoldenTest.maxDifference(
                                        last, model.masked().logits(ids)[0][999]))
                                .isLessThan(TOLERANCE);
                    }
                }
            }
        }
    }

    @Test
    void whereDenseIsFasterDenseRunsAndTheNumbersStay() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            PackingCosts costs = dense.decoder().packingCosts();

            assertThat(costs.points()).hasSizeBetween(4, 8).allSatisfy(p -> {
                assertThat(p.breakEven()).isBetween(0.0, 1.0);
                assertThat(p.denseSeconds()).isPositive();
            });
            PackingCosts.Point first = costs.points().get(0);
            assertThat(costs.packs(first.module(), 0, 8)).isTrue();
            assertThat(costs.packs(first.module(), 8, 8)).isEqualTo(first.breakEven() == 1);
            assertThat(dense.decoder().packingCosts()).isSameAs(costs);
            assertThat(costs.text()).contains("attention", "mlp", "threads");

            LanguageModel routed =
                    dense.withPolicy(ForcedPolicy.uniform(0.1, dense.config().layers(), 2));
            assertThat(FamilyGoldenTest.maxDifference(
                            logits(routed, Execution.PACKED, golden.ids(0)),
                            logits(routed, Execution.ALWAYS_PACKED, golden.ids(0))))
                    .isLessThan(TOLERANCE);
        }
    }

    @Test
    void aBenchmarkMeasuresBothPhasesAndRefusesAMaskedModel() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel half =
                    model.withPolicy(ForcedPolicy.uniform(0.5, model.config().layers(), 2));
            BenchmarkOptions small = BenchmarkOptions.defaults()
                    .withPrefill(2, 32)
                    .withDecode(16, 4)
                    .withDecodeBatch(2)
                    .withRepeats(3);

            BenchmarkResult result = Benchmark.run(half, small);
            assertThat(result.rows()).hasSize(2).allSatisfy(row -> {
                assertThat(row.ideal()).isGreaterThan(1);
                assertThat(row.eta()).isEqualTo(row.speedup() / row.ideal());
                assertThat(row.dense().median()).isPositive();
            });
            assertThat(result.rows().get(0).attentionSkipped()).isBetween(0.35, 0.65);
            assertThat(result.text()).contains("prefill 2 x 32", "decode 2 at 16", "load", "eta");
            SpeedRow decode = result.rows().get(1);
            // 20 tokens of 2 sequences; K and V of G heads of E numbers at every layer.
            assertThat(decode.denseCacheBytes())
                    .isEqualTo(20L
                            * 2
                            * 2
                            * 4
                            * model.config().kvWidth()
                            * model.config().layers());
            assertThat(decode.packedCacheBytes()).isEqualTo(decode.denseCacheBytes());
            assertThat(result.text().lines().count()).isLessThanOrEqualTo(25);

            BenchmarkResult dense = Benchmark.run(model, small);
            assertThat(dense.rows()).allSatisfy(row -> assertThat(row.ideal()).isEqualTo(1));

            assertThatThrownBy(() -> Benchmark.run(half.masked(), small))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("masked");
        }
    }

    @Test
    void idealsAreThoseOfTheArithmetic() {
        // LLaMA-2-7B at 512 tokens; the published table of ideals gives 1.49 for KEEP and 1.65 for EXECUTED.
        DecoderConfig config = DecoderConfig.llama(32000, 4096, 11008, 32, 32, 32);
        double[] rates = new double[64];
        Arrays.fill(rates, 0.6);
        ForcedPolicy forty = ForcedPolicy.uniform(0.4, 32, 1);
        assertThat(new SpeedIdeal(config, forty.withKvPolicy(KvPolicy.KEEP), 2, 4, rates).prefill(512))
                .isBetween(1.48, 1.52);
        assertThat(new SpeedIdeal(config, forty.withKvPolicy(KvPolicy.EXECUTED), 2, 4, rates).prefill(512))
                .isBetween(1.64, 1.69);
        assertThat(new SpeedIdeal(config, forty.withKvPolicy(KvPolicy.DEFERRED), 2, 4, rates).decode(1, 1))
                .isBetween(1.6, 1.67);
        // In a batch of 4 a module is read unless all four skip it: published 1.03.
        assertThat(new SpeedIdeal(config, forty.withKvPolicy(KvPolicy.DEFERRED), 2, 4, rates).decode(4, 1))
                .isBetween(1.01, 1.05);
    }

    private static void compare(LanguageModel model, String what, int[]... sequences) {
        float[] masked = logits(model, Execution.MASKED, sequences);
        assertThat(FamilyGoldenTest.maxDifference(logits(model, Execution.ALWAYS_PACKED, sequences), masked))
                .as(what + ", always packed")
                .isLessThan(TOLERANCE);
        assertThat(FamilyGoldenTest.maxDifference(logits(model, Execution.PACKED, sequences), masked))
                .as(what + ", packed where it pays")
                .isLessThan(TOLERANCE);
    }

    private static float[] logits(LanguageModel model, Execution execution, int[]... sequences) {
        LanguageModel chosen = execution == Execution.MASKED
                ? model.masked()
                : execution == Execution.PACKED ? model.packed() : model.alwaysPacked();
        float[][] rows =
                Arrays.stream(chosen.logits(sequences)).flatMap(Arrays::stream).toArray(float[][]::new);
        return FamilyGoldenTest.flat(rows);
    }

    /** A gate a row, all the same. */
    private record Same(float gate, KvPolicy kvPolicy) implements LayerPolicy {
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
