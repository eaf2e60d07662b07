package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * A model whose layers lie on several devices says what the one on one device says, bit for bit. The devices are places of one CPU,
 * between which nothing would fail by itself, so every call of a compiled method looks at where its arguments are.
 */
class PlacesEngineTest {
    /** Three layers and more: there and back, none at home, one boundary, home between, and beside a streamed one. */
    private static final List<String> MAPS =
            List.of("cpu1=1, cpu", "cpu1=0-1, cpu2", "cpu=0, cpu1", "cpu1=0 2, cpu", "cpu1=0, streamed=1, cpu2");

    private static final int CACHED = 7;

    static LanguageModel placed(Golden golden, NDManager manager, String map) {
        return golden.placed(manager.newSubManager(), Dtype.FP32, map);
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void logitsEqualThoseOfOneDeviceBitForBit(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel one = golden.model(manager.newSubManager());
            for (String map : MAPS) {
                LanguageModel several = placed(golden, manager, map);

                assertThat(several.logits(golden.ids(0), new int[] {5}, golden.ids(1)))
                        .as(map)
                        .isDeepEqualTo(one.logits(golden.ids(0), new int[] {5}, golden.ids(1)));
                assertThat(several.logProbabilities(golden.ids(1))).isDeepEqualTo(one.logProbabilities(golden.ids(1)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"BF16", "FP16", "Q8_0"})
    void soTheyDoInOtherElementTypes(Dtype dtype) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel one = golden.model(manager.newSubManager(), dtype);
            LanguageModel several = golden.placed(manager.newSubManager(), dtype, "cpu1=0 2, cpu");

            assertThat(several.logits(golden.ids(0))).isDeepEqualTo(one.logits(golden.ids(0)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma2", "phi3"})
    void soTheyDoWhereRowsSkipPackedAndMasked(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel one = golden.model(manager.newSubManager());
            for (String map : List.of(MAPS.get(1), MAPS.get(3))) {
                LanguageModel several = placed(golden, manager, map);
                for (LayerPolicy policy : Golden.forced(one.config().layers())) {
                    for (Execution execution : List.of(Execution.MASKED, Execution.ALWAYS_PACKED)) {
                        assertThat(golden.logits(several, policy, execution))
                                .as("%s, %s, %s", map, policy.describe(), execution)
                                .isDeepEqualTo(golden.logits(one, policy, execution));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma3"})
    void cachedPassesForksAndScoresEqualThoseOfOneDevice(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel one = golden.model(manager.newSubManager());
            List<LayerPolicy> all = new ArrayList<>(Golden.forced(one.config().layers()));
            all.add(LayerPolicy.dense());
            for (String map : List.of(MAPS.get(0), MAPS.get(4))) {
                LanguageModel several = placed(golden, manager, map);
                for (LayerPolicy policy : all) {
                    for (Execution execution : List.of(Execution.MASKED, Execution.ALWAYS_PACKED)) {
                        assertThat(cached(several, policy, execution, golden))
                                .as("%s, %s %s, %s", map, policy.kvPolicy(), policy.describe(), execution)
                                .isDeepEqualTo(cached(one, policy, execution, golden));
                    }
                }
            }
        }
    }

    // Two sequences, then one, then both continued three ways: prompts, single tokens and longer pieces.
    private static float[][] cached(LanguageModel model, LayerPolicy policy, Execution execution, Golden golden) {
        List<float[]> all = new ArrayList<>();
        int[] ids = golden.ids(0);
        LanguageModel view = model.withPolicy(policy).withExecution(execution).withStep(DecodingStep.ENGINE);
        try (Session two = view.session(2);
                Session alone = view.session(1)) {
            all.addAll(List.of(two.append(Arrays.copyOf(ids, 3), new int[] {9})));
            all.addAll(List.of(alone.append(Arrays.copyOf(ids, 2))));
            for (int t = 3; t < CACHED; t++) {
                all.addAll(List.of(two.append(new int[] {ids[t]}, t % 2 == 0 ? new int[0] : new int[] {ids[t]})));
                all.addAll(List.of(alone.append(new int[] {ids[t]})));
            }
            try (Session forked = two.fork(1, 0, 1)) {
                all.addAll(List.of(forked.logProbabilities(new int[] {3, 4}, new int[] {5}, new int[0])));
            }
            all.addAll(List.of(two.append(new int[] {8, 7}, new int[] {6})));
        }
        return all.toArray(float[][]::new);
    }

    @Test
    void generatedTextIsThatOfOneDevice() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            GenerationOptions options = GenerationOptions.defaults().withMaxTokens(12);
            LanguageModel one = golden.model(manager.newSubManager());
            LanguageModel several = placed(golden, manager, MAPS.get(0));

            assertThat(several.generateIds(options, golden.ids(0))
                            .continuations()
                            .get(0)
                            .tokens())
                    .isEqualTo(one.withStep(DecodingStep.ENGINE)
                            .generateIds(options, golden.ids(0))
                            .continuations()
                            .get(0)
                            .tokens());
            assertThat(several.decoding()).isEqualTo("engine: its layers lie on several devices");
        }
    }

    @Test
    void someRowsAndSharedBeginningsEqualThoseOfOneDevice() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel one = golden.model(manager.newSubManager());
            for (String map : MAPS) {
                LanguageModel several = placed(golden, manager, map);
                assertThat(some(several, golden)).as(map).isEqualTo(some(one, golden));
            }
        }
    }

    private static float[] some(LanguageModel model, Golden golden) {
        try (NDManager scope = model.scope()) {
            int[][] pieces = {golden.ids(0), {5, 6}, {7}};
            Rows rows = model.decoder().branches(scope, pieces, new int[] {-1, 0, 0});
            NDArray x = model.forward(rows, new int[] {1, golden.ids(0).length, rows.size() - 1}); // (3, D)
            return model.decoder().logits(x).toFloatArray();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu1=0-1, cpu2", "cpu1=1-2, cpu", "cpu1=1, streamed=2, cpu2"})
    void weightsAndKeysAreWhereTheMapSays(String map) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel several = placed(golden, manager, map);
            List<String> devices = golden.placement(Dtype.FP32, map).devices();
            Decoder decoder = several.decoder();
            try (NDManager scope = several.scope();
                    KvCache cache = new KvCache(several.scope(), decoder.calls().programs(), several.config(), 1, 32)) {
                Rows rows = decoder.rows(scope, golden.ids(0));
                NDArray end = new CachedDecoder(
                                decoder, LayerPolicy.dense(), Execution.PACKED, DecodingStep.ENGINE, cache)
                        .forward(rows);

                assertThat(Places.of(end.getManager())).isEqualTo("cpu");
                assertThat(several.decoder().weights().places().isOne()).isFalse();
                for (int layer = 0; layer < 4; layer++) {
                    String device = devices.get(layer);
                    List<NDArray> held = new ArrayList<>(cache.layer(layer).append(new int[] {0}));
                    held.add(rows.cos(layer));
                    held.add(rows.sin(layer));
                    if (!decoder.weights().layers().get(layer).isStreamed()) {
                        held.addAll(decoder.weights().layers().get(layer).attention());
                        held.addAll(decoder.weights().layers().get(layer).mlp());
                    }
                    assertThat(held)
                            .as("layer %d", layer)
                            .allMatch(array -> Places.of(array.getManager()).equals(device));
                }
            }
        }
    }

    @Test
    void anArrayThatWasNotMovedIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel several = placed(golden, manager, "cpu=0-1, cpu1");
            try (NDManager scope = several.scope()) {
                Decoder decoder = several.decoder();
                Rows rows = decoder.rows(scope, golden.ids(0));
                NDArray x = decoder.embed(rows);
                ModuleSite there = new ModuleSite(2, ModuleKind.MLP);

                assertThat(decoder.output(new ModuleSite(1, ModuleKind.MLP), x, rows)
                                .getShape())
                        .isEqualTo(x.getShape());
                assertThatThrownBy(() -> decoder.output(there, x, rows))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("two places, cpu and cpu1");
                assertThat(decoder.output(there, rows.places().entering(2, x), rows)
                                .getShape())
                        .isEqualTo(x.getShape());
            }
        }
    }

    @Test
    void theStreamIsCopiedOnceABoundaryAndCopiesGoWithTheirScope() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel several = placed(golden, manager, "cpu=0-1, cpu1");
            List<NDArray> entered = new ArrayList<>();
            try (NDManager scope = several.scope()) {
                Rows rows = several.decoder().rows(scope, golden.ids(0));
                NDArray x = several.decoder().embed(rows);
                NDArray end = LayerRun.through(rows.places(), 0, 4, x, (layer, in) -> {
                    entered.add(in);
                    return in;
                });

                assertThat(IntStream.range(1, 4)
                                .filter(i -> entered.get(i) != entered.get(i - 1))
                                .boxed())
                        .containsExactly(2);
                assertThat(end).isNotSameAs(entered.get(3));
                assertThat(x.isReleased()).isTrue();
            }
            assertThat(entered).allMatch(NDArray::isReleased);
        }
    }

    @Test
    void gradientsPassABoundary() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            NDManager home = manager.newSubManager();
            Places.begin(home, List.of("cpu", "cpu1"));
            try (var on = Torch.gradients(true)) {
                NDArray x = home.create(new float[] {2, 3});
                org.skipgpt.torch.Gradients.require(x);
                NDArray there = Places.moved(x, Places.under(home).owner(1));
                org.skipgpt.torch.Gradients.backward(there.mul(there).sum());

                assertThat(there.getManager()).isNotSameAs(x.getManager());
                assertThat(x.getGradient().toFloatArray()).containsExactly(4, 6);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"cpu, 1", "'cpu1=1, cpu', 2", "'cpu1=0-1, cpu2', 2"})
    void asManyBatchesAreScoredAtOnceAsThereAreDevicesInTheirOrder(String map, int devices) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel one = golden.model(manager.newSubManager());
            Meeting meeting = Meeting.of(devices);
            LanguageModel several = placed(golden, manager, map).withPolicy(meeting);
            List<int[][]> batches = IntStream.range(0, 5)
                    .mapToObj(i -> new int[][] {golden.ids(i % 2), {i, i + 1, i + 2}})
                    .toList();
            List<int[][]> order = new ArrayList<>();
            List<float[][]> scores = new ArrayList<>();
            InFlight.run(several.decoder().weights().manager(), batches, several::logProbabilities, (batch, scored) -> {
                order.add(batch);
                scores.add(scored);
            });

            assertThat(meeting.most().get()).isEqualTo(devices);
            assertThat(order).isEqualTo(batches);
            assertThat(scores.toArray(float[][][]::new))
                    .isDeepEqualTo(batches.stream().map(one::logProbabilities).toArray(float[][][]::new));
        }
    }

    @Test
    void aBatchThatFailsEndsThoseUnderWay() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Meeting meeting = Meeting.of(2);
            LanguageModel several = placed(golden, manager, "cpu1=1, cpu").withPolicy(meeting);
            NDManager owner = several.decoder().weights().manager();
            List<int[]> batches = List.of(new int[] {-1}, golden.ids(0), golden.ids(1));

            assertThatThrownBy(() -> InFlight.run(owner, batches, several::logProbabilities, (batch, scored) -> {}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("token id -1");
            assertThat(meeting.inside().get()).isZero();
        }
    }

    @Test
    void whatIsWrittenForOneDeviceIsRefusedByName() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel several = placed(golden, manager, "cpu=0-1, cpu1");

            assertThatThrownBy(() -> several.withStep(DecodingStep.FIXED).session(1))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContainingAll("several devices", "fixed shapes", "load(name)");
            assertThatThrownBy(() -> several.decoder().weights().withLayers(manager, List.of()))
                    .hasMessageContainingAll("several devices", "merging and pruning");
        }
    }
}
