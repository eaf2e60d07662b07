package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.Arithmetic;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;
import org.skipgpt.weights.WeightLoader;

/** One new token computed in Java says what the engine's step says. */
class RowStepEngineTest {
    // Sums of some hundred fp32 numbers in another order, through three layers.
    private static final double TOLERANCE = 1e-4;

    // The engine rounds activations to the 8 bits of bf16, too: it strays by up to 0.11 from exact sums here.
    private static final double BF16_TOLERANCE = 0.3;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void everyLogitEqualsTheEnginesUnderEveryPolicy(String family) {
        new StepLaw(DecodingStep.JAVA, TOLERANCE).everyPolicy(family, RowStepEngineTest::holdAsMuch);
    }

    @Test
    void aStepCallsTheEngineForPositionsOnly() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager).withStep(DecodingStep.JAVA);
            assertThat(model.decoding()).startsWith("Java, vectors of ");

            assertThat(calls(model)).isEqualTo(1);
            assertThat(calls(model.withStep(DecodingStep.ENGINE)))
                    .isGreaterThan(2L * model.config().layers());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama2", "qwen2", "gemma2", "olmo2"})
    void anAdapterOnEveryProjectionCounts(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel base = golden.model(manager);
            LanguageModel adapted = base.withAdapter(adapter(manager, base.config()));

            compare(adapted, golden.ids(0), 5, TOLERANCE, family);

            assertThat(FamilyGoldenTest.maxDifference(last(adapted, golden.ids(0)), last(base, golden.ids(0))))
                    .as("the adapter changes logits")
                    .isGreaterThan(1e-2);
        }
    }

    static Adapter adapter(NDManager manager, DecoderConfig config) {
        Map<Adapter.Key, Adapter.Pair> pairs = new HashMap<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (Projection p : Projection.values()) {
                pairs.put(
                        new Adapter.Key(layer, p),
                        new Adapter.Pair(
                                random(manager, 3, p.inputs(config, layer), pairs.size()),
                                random(manager, p.outputs(config, layer), 3, 500 + pairs.size())));
            }
        }
        return new Adapter(Set.of(Projection.values()), 0.7, pairs);
    }

    private static NDArray random(NDManager manager, int rows, int columns, long seed) {
        Random random = new Random(seed);
        float[] numbers = new float[rows * columns];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = 0.3f * (float) random.nextGaussian();
        }
        return manager.create(numbers, new Shape(rows, columns));
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen2", "qwen3", "gemma2", "olmo2"})
    void weightsThatChangeInPlaceAreReadAsTheyAre(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            float[] before = last(model, golden.ids(0));
            DecoderWeights weights = model.decoder().weights();
            weights.changing();
            weights.all().forEach(array -> array.muli(0.9f));

            compare(model, golden.ids(0), 4, TOLERANCE, family);

            assertThat(FamilyGoldenTest.maxDifference(last(model, golden.ids(0)), before))
                    .as("the change counts")
                    .isGreaterThan(1e-2);
        }
    }

    /** bf16 weights are read as they are and summed in fp32: as an fp32 model whose weights were rounded to bf16. */
    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void bf16WeightsCountAsTheNumbersTheyAre(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel halves = golden.model(manager, Dtype.BF16);
            LanguageModel rounded = rounded(golden.model(manager), manager).withStep(DecodingStep.ENGINE);
            int[] ids = golden.ids(0);
            for (KvPolicy kv : KvPolicy.values()) {
                ForcedPolicy policy = new ForcedPolicy(
                        0.5, 0.5, Pattern.UNIFORM, kv, halves.config().layers(), 11);
                float[][] ours = CachedEngineTest.oneByOne(halves.withPolicy(policy), ids);
                float[][] theirs = CachedEngineTest.oneByOne(rounded.withPolicy(policy), ids);
                assertThat(CachedEngineTest.difference(ours, theirs))
                        .as(kv.name())
                        .isLessThan(TOLERANCE);
            }
            // The engine rounds activations to bf16 as well, Java does not.
            compare(halves, ids, 12, BF16_TOLERANCE, family);
        }
    }

    private static LanguageModel rounded(LanguageModel model, NDManager manager) {
        String script = "def rounded(self, x: Tensor) -> Tensor:\n    return torch.to(torch.to(x, 15), 6)\n";
        TorchProgram bf16 = TorchProgram.compile(manager, script);
        DecoderWeights w = model.decoder().weights();
        List<LayerWeights> layers = w.layers().stream()
                .map(layer -> new LayerWeights(rounded(bf16, layer.attention()), rounded(bf16, layer.mlp())))
                .toList();
        NDArray embedding = bf16.call("rounded", w.embedding());
        NDArray head = w.head() == w.embedding() ? embedding : bf16.call("rounded", w.head());
        DecoderWeights all = new DecoderWeights(manager, Dtype.FP32, embedding, layers, w.finalNorm(), head);
        return LanguageModel.dense("rounded", "", model.tokenizer(), model.config(), all);
    }

    private static List<NDArray> rounded(TorchProgram bf16, List<NDArray> arrays) {
        return arrays.stream()
                .map(array -> array.getShape().dimension() == 2 ? bf16.call("rounded", array) : array)
                .toList();
    }

    /** Widths that fill no vector, neighbours as rotary pairs, a head of its own. */
    @ParameterizedTest
    @EnumSource(KvPolicy.class)
    void oddWidthsAndNeighbouringPairs(KvPolicy kv) {
        DecoderConfig plain = DecoderConfig.llama(67, 42, 50, 3, 7, 7).withMaxPositions(64);
        DecoderConfig shape = new DecoderConfig(
                "llama",
                67,
                42,
                50,
                3,
                7,
                7,
                6,
                1e-5,
                true,
                false,
                Arithmetic.llama(6),
                plain.rotations(),
                plain.windows(),
                64,
                List.of());
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 3);
            LanguageModel dense = LanguageModel.dense("odd", "", Golden.numbers(67), shape, weights);
            int[] ids = IntStream.range(0, 40).map(t -> 13 * t % 67).toArray();

            compare(dense, ids, 3, TOLERANCE, "dense");
            compare(dense.withPolicy(new Halving(kv)), ids, 3, TOLERANCE, "weighted, " + kv);
        }
    }

    /** Weights of what modules add, one of them negative, and of whole layers. */
    record Halving(KvPolicy kvPolicy) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            float[] gate = new float[rows.size()];
            for (int row = 0; row < gate.length; row++) {
                gate[row] = new float[] {0, 0.5f, 1, -0.25f}[(rows.at()[row] + site.index()) % 4];
            }
            return Decision.gated(residual.getManager(), gate);
        }

        @Override
        public NDArray leaving(int layer, NDArray in, NDArray out) {
            return layer == 1 ? in.add(out).mul(0.5f) : layer == 2 ? in : out;
        }

        @Override
        public Identity identity() {
            return Identity.of("halving", this);
        }

        @Override
        public String describe() {
            return "halving";
        }
    }

    @ParameterizedTest
    @EnumSource(KvPolicy.class)
    void oneOfSeveralSequencesGrowsAlone(KvPolicy kv) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("mistral")) {
            LanguageModel dense = golden.model(manager).withStep(DecodingStep.JAVA);
            LanguageModel model = dense.withPolicy(new ForcedPolicy(
                    0.6, 0.6, Pattern.UNIFORM, kv, dense.config().layers(), 11));
            int[][] texts = {golden.ids(0), golden.ids(1)};
            int[] at = {2, 1};
            try (Session expected = model.withStep(DecodingStep.ENGINE).session(2);
                    Session grown = model.session(2)) {
                expected.append(Arrays.copyOf(texts[0], at[0]), Arrays.copyOf(texts[1], at[1]));
                grown.append(Arrays.copyOf(texts[0], at[0]), Arrays.copyOf(texts[1], at[1]));
                for (int step = 0; step < 24; step++) {
                    int s = step % 3 == 0 ? 0 : 1;
                    int[][] next = {{}, {}};
                    next[s] = new int[] {texts[s][at[s]++ % texts[s].length]};
                    float[][] theirs = expected.append(next);
                    float[][] ours = grown.append(next);
                    assertThat(CachedEngineTest.difference(ours, theirs))
                            .as("step %d", step)
                            .isLessThan(TOLERANCE);
                }
            }
        }
    }

    @Test
    void logProbabilitiesOfSingleTokensAreTheEngines() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager).withStep(DecodingStep.JAVA);
            float[] whole = model.logProbabilities(golden.ids(0))[0];
            try (Session session = model.session(1)) {
                session.append(new int[] {golden.ids(0)[0]});
                for (int t = 1; t < golden.ids(0).length; t++) {
                    float[] own = session.logProbabilities(new int[] {golden.ids(0)[t]})[0];
                    assertThat((double) own[0]).as("token %d", t).isCloseTo(whole[t - 1], within(TOLERANCE));
                }
            }
        }
    }

    @Test
    void theRuleSaysWhatKeepsAModelWithTheEngine() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            DecoderConfig c = model.config();
            DecoderWeights w = model.decoder().weights();
            LayerShape narrow = new LayerShape(c.heads(), c.kvHeads(), c.hidden(), c.width() - 2, true);
            DecoderConfig sliced = c.withShapes(Collections.nCopies(c.layers(), narrow));

            assertThat(model.masked().decoding()).isEqualTo("engine: masked execution computes every module");
            assertThat(golden.model(manager, Dtype.FP16).decoding())
                    .startsWith("engine: ")
                    .contains("fp16");
            assertThat(model.decoding()).startsWith("engine: fp32").contains("withStep(DecodingStep.JAVA)");
            assertThat(golden.model(manager, Dtype.BF16).decoding()).startsWith("Java");
            assertThat(model.withStep(DecodingStep.JAVA).decoding()).startsWith("Java");
            assertThat(RowRule.told(sliced, w, LayerPolicy.dense(), Execution.PACKED, DecodingStep.FASTEST))
                    .isEqualTo("engine: its layers have streams of their own width");
            assertThat(RowRule.obstacle(c, w, Execution.PACKED, DecodingStep.FASTEST, 1 << 10, 1 << 20))
                    .hasValueSatisfying(why -> assertThat(why).contains("keys of a layer", "2 GiB"));
        }
    }

    @Test
    void aStepOfAnotherNameIsRefused() {
        String before = System.setProperty(DecodingStep.PROPERTY, "engine");
        try {
            assertThat(DecodingStep.ofProcess()).isEqualTo(DecodingStep.ENGINE);
            System.setProperty(DecodingStep.PROPERTY, "quick");
            assertThatThrownBy(DecodingStep::ofProcess)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("skipgpt.decode=quick")
                    .hasMessageContaining("fastest, java, engine or fixed");
        } finally {
            if (before == null) {
                System.clearProperty(DecodingStep.PROPERTY);
            } else {
                System.setProperty(DecodingStep.PROPERTY, before);
            }
        }
    }

    private static float[] last(LanguageModel model, int[] ids) {
        float[][] all = CachedEngineTest.oneByOne(model, ids);
        return all[all.length - 1];
    }

    private static long calls(LanguageModel model) {
        try (Session session = model.session(1)) {
            session.append(new int[] {3});
            session.append(new int[] {4});
            long before = TorchProgram.spent().calls();
            session.append(new int[] {5});
            return TorchProgram.spent().calls() - before;
        }
    }

    private static void compare(LanguageModel any, int[] ids, int prompt, double tolerance, String what) {
        assertThat(any.withStep(DecodingStep.JAVA).decoding()).startsWith("Java");
        assertThat(any.withStep(DecodingStep.ENGINE).decoding()).isEqualTo("engine: asked for");
        holdAsMuch(new StepLaw(DecodingStep.JAVA, tolerance).read(any, ids, prompt, what), what);
    }

    private static void holdAsMuch(StepLaw.Both held, String what) {
        assertThat(held.own()).as(what).isEqualTo(held.engine());
    }
}
