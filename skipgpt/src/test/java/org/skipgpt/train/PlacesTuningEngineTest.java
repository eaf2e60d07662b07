package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.loss.Teacher;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Meeting;
import org.skipgpt.model.Session;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.ApproximatorFit;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RouterStart;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/** What is learned over a model on several devices is what is learned over one, bit for bit: gradients, runs, killed runs. */
class PlacesTuningEngineTest {
    private static final int STEPS = 3;
    private static final String MAP = "cpu1=1, cpu";
    private static final List<String> MAPS = List.of(MAP, "cpu1=0-1, cpu2");

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private static LoopConfig loop(int steps) {
        return TuningOptions.practical().loop().withSteps(steps).withAccumulation(3);
    }

    /** What learns: makes an objective of a model on any number of devices. */
    private enum Kind {
        ROUTERS,
        ROUTERS_RECOMPUTED,
        ROUTERS_ALL_ROWS,
        ROUTERS_SOME_ROWS,
        ROUTERS_EVICTING,
        ROUTERS_DISTILLED,
        JOINT,
        JOINT_RECOMPUTED,
        LORA,
        LORA_RECOMPUTED,
        D_LLM,
        D_LLM_RECOMPUTED;

        private RouterTuningConfig config() {
            RouterTuningConfig paper = RouterTuningConfig.paper(.25);
            return switch (this) {
                case ROUTERS, LORA, D_LLM -> paper;
                case ROUTERS_RECOMPUTED, LORA_RECOMPUTED, D_LLM_RECOMPUTED -> paper.withRecompute(true);
                case ROUTERS_ALL_ROWS -> paper.withSparseBackward(false);
                case ROUTERS_SOME_ROWS -> paper.withRho(.5).withRecompute(true);
                case ROUTERS_EVICTING -> paper.withKvPolicy(KvPolicy.EXECUTED);
                case ROUTERS_DISTILLED -> paper.withDistill(.5);
                case JOINT -> paper.withDropout(.1);
                case JOINT_RECOMPUTED -> paper.withDropout(.1).withRecompute(true);
            };
        }

        Objective objective(LanguageModel dense, NDManager owner, Golden golden, LoopConfig loop) {
            RouterTuningConfig config = config();
            Batches batches = n -> new int[][] {golden.ids((int) (n % 2)), {3, 4, 5}};
            Routers routers = Routers.init(owner, dense.config(), RouterConfig.defaults(), 5);
            Gate gate = Gate.compile(owner);
            if (this == LORA || this == LORA_RECOMPUTED) {
                LoraConfig form = LoraConfig.defaults().withDropout(.1);
                return new LoraTuning(
                        adapted(dense, owner, form).withPolicy(RoutedPolicy.of(gate, routers)),
                        form,
                        loop,
                        batches,
                        config.recompute(),
                        "ids",
                        Sampling.ARGMAX,
                        Teacher.of(dense.decoder(), .5),
                        Optional.empty());
            }
            if (this == D_LLM || this == D_LLM_RECOMPUTED) {
                DLlmForm form = DLlmForm.of(.5);
                LoraConfig lora = LoraConfig.defaults().withDropout(.1);
                Routers layers = Routers.init(owner, dense.config(), form.router(), RouterStart.dLlm(), 5);
                LanguageModel adapted = adapted(dense, owner, lora);
                return new DLlmTuning(adapted, layers, gate, form, lora, loop, batches, .5, config.recompute(), "ids");
            }
            if (this == JOINT || this == JOINT_RECOMPUTED) {
                LanguageModel adapted = adapted(dense, owner, LoraConfig.defaults());
                return RouterTuning.joint(adapted, routers, gate, config, loop, batches, "ids", .5, dense.decoder());
            }
            return RouterTuning.of(dense, routers, gate, config, loop, batches, "ids");
        }

        private static LanguageModel adapted(LanguageModel dense, NDManager owner, LoraConfig form) {
            return dense.withAdapter(Lora.init(owner, dense.config(), form, 7));
        }
    }

    private static LanguageModel model(Golden golden, NDManager manager, String map) {
        NDManager home = manager.newSubManager();
        return map.equals("cpu") ? golden.model(home) : golden.placed(home, Dtype.FP32, map);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    void gradientsAreThoseOfOneDevice(Kind kind) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Map<String, float[]> one = gradients(kind, golden, manager, "cpu");

            assertThat(one.values()).anyMatch(g -> anyNonZero(g));
            for (String map : MAPS) {
                Map<String, float[]> several = gradients(kind, golden, manager, map);
                assertThat(several).hasSameSizeAs(one);
                several.forEach(
                        (name, g) -> assertThat(g).as("%s, %s", map, name).isEqualTo(one.get(name)));
            }
        }
    }

    private static boolean anyNonZero(float[] numbers) {
        for (float number : numbers) {
            if (number != 0) {
                return true;
            }
        }
        return false;
    }

    private static Map<String, float[]> gradients(Kind kind, Golden golden, NDManager manager, String map) {
        LanguageModel model = model(golden, manager, map);
        Map<String, float[]> found = new LinkedHashMap<>();
        try (NDManager owner = model.scope();
                InUse.Hold held = model.hold();
                var on = Torch.gradients(true)) {
            Objective objective = kind.objective(model, owner, golden, loop(STEPS));
            try (NDManager scope = owner.newSubManager()) {
                objective.backward(scope, 0, 0, .5);
            }
            objective.parameters().forEach((name, p) -> {
                NDArray g = Gradients.of(p);
                found.put(name, g.toFloatArray());
            });
        }
        return found;
    }

    @ParameterizedTest
    @EnumSource(names = {"ROUTERS", "JOINT_RECOMPUTED", "LORA"})
    void runsAreThoseOfOneDevice(Kind kind) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Learned one = learned(kind, golden, manager, "cpu", loop(STEPS), ProgressObserver.silent());
            Learned several = learned(kind, golden, manager, MAPS.get(1), loop(STEPS), ProgressObserver.silent());

            several.checkEquals(one);
        }
    }

    private record Learned(TrainingRun run, Map<String, float[]> parameters) {
        void checkEquals(Learned other) {
            for (String column : List.of("loss", "gradient norm")) {
                assertThat(run.log().column(column))
                        .as(column)
                        .isEqualTo(other.run.log().column(column));
            }
            parameters.forEach((name, p) -> assertThat(p).as(name).isEqualTo(other.parameters.get(name)));
        }
    }

    private static Learned learned(
            Kind kind, Golden golden, NDManager manager, String map, LoopConfig loop, ProgressObserver observer) {
        LanguageModel model = model(golden, manager, map);
        try (NDManager owner = model.scope()) {
            Objective objective = kind.objective(model, owner, golden, loop);
            TrainingRun run = TrainingLoop.run(objective, loop, owner, observer);
            Map<String, float[]> parameters = new LinkedHashMap<>();
            objective.parameters().forEach((name, p) -> parameters.put(name, p.toFloatArray()));
            return new Learned(run, parameters);
        }
    }

    @Test
    void anInterruptedRunGoesOnOnOtherDevicesToTheSameNumbers() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LoopConfig loop = loop(4);
            Learned whole = learned(Kind.JOINT, golden, manager, "cpu", loop, ProgressObserver.silent());
            LoopConfig kept = loop.withCheckpoints(folder, 0);
            for (String map : List.of(MAP, "cpu", MAPS.get(1))) {
                learned(Kind.JOINT, golden, manager, map, kept, progress -> {
                    if (progress.done() % 2 == 1) {
                        Thread.currentThread().interrupt();
                    }
                });
                Thread.interrupted();
            }

            learned(Kind.JOINT, golden, manager, MAP, kept, ProgressObserver.silent())
                    .checkEquals(whole);
        }
    }

    @Test
    void aKilledRunGoesOnToTheSameNumbers() throws Exception {
        LoopConfig kept = killable(folder);
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Killed.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out.txt").toFile())
                .start();
        for (int i = 0; i < 900 && !Files.exists(folder.resolve("run.safetensors")) && process.isAlive(); i++) {
            Thread.sleep(100);
        }
        Thread.sleep(300);
        process.destroyForcibly().waitFor();
        assertThat(folder.resolve("run.safetensors")).exists();
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Learned whole =
                    learned(Kind.ROUTERS, golden, manager, "cpu", loop(STEPS_TO_KILL), ProgressObserver.silent());

            learned(Kind.ROUTERS, golden, manager, MAP, kept, ProgressObserver.silent())
                    .checkEquals(whole);
        }
    }

    private static final int STEPS_TO_KILL = 30;

    private static LoopConfig killable(Path folder) {
        return loop(STEPS_TO_KILL).withCheckpoints(folder, 1);
    }

    /** What the killed process runs. */
    static final class Killed {
        private Killed() {}

        public static void main(String[] arguments) {
            try (NDManager manager = Torch.manager(Device.cpu());
                    Golden golden = Golden.family("llama3")) {
                learned(Kind.ROUTERS, golden, manager, MAP, killable(Path.of(arguments[0])), progress -> {
                    try {
                        Thread.sleep(100);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "gemma3"})
    void routersAdaptersAndApproximatorsSayWhatTheySayOnOneDevice(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = model(golden, manager, "cpu");
            NDManager owner = dense.scope();
            for (RouterConfig form : List.of(
                    RouterConfig.defaults(),
                    RouterConfig.defaults().withForm(RouterConfig.Form.MLP).withNorm(RouterConfig.Norm.RMS))) {
                Routers routers = Routers.init(owner, dense.config(), form, 5);
                LanguageModel routed = dense.withAdapter(adapter(dense, owner))
                        .withPolicy(RoutedPolicy.of(Gate.compile(owner), routers));
                LanguageModel approximating = ApproximatorFit.of(2)
                        .run(routed, List.of(golden.ids(0), golden.ids(1)), ProgressObserver.silent());
                Path saved = folder.resolve(form.form().name());
                save(saved, approximating);
                float[][][] one = said(approximating, golden);
                for (String map : MAPS) {
                    LanguageModel base = model(golden, manager, map);

                    assertThat(said(SkipGptFolder.load(saved, base, base.scope()), golden))
                            .as(map)
                            .isDeepEqualTo(one);
                }
            }
        }
    }

    private static void save(Path folder, LanguageModel tuned) {
        SkipGptFolder.save(
                folder, tuned, Optional.of(LoraConfig.defaults()), Optional.empty(), tuned.provenance("drawn"));
    }

    private static float[][][] said(LanguageModel tuned, Golden golden) {
        List<float[][]> all = new ArrayList<>();
        LanguageModel packed = tuned.alwaysPacked().withStep(DecodingStep.ENGINE);
        for (LanguageModel model : List.of(packed, tuned.masked().withStep(DecodingStep.ENGINE))) {
            all.add(model.logits(golden.ids(0))[0]);
            try (Session session = model.session(2)) {
                all.add(session.append(new int[] {4, 5, 6}, new int[] {7}));
                all.add(session.append(new int[] {8}, new int[] {9}));
            }
            try (Session session = model.session(1)) {
                all.add(session.append(new int[] {4, 5, 6}));
                all.add(session.append(new int[] {8}));
            }
        }
        return all.toArray(float[][][]::new);
    }

    @Test
    void approximatorsFittedOnSeveralDevicesAreThoseFittedOnOne() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            List<float[][][]> found = new ArrayList<>();
            for (String map : List.of("cpu", MAP, MAPS.get(1))) {
                LanguageModel dense = model(golden, manager, map);
                LanguageModel pruned = DropPlan.of(
                                "here",
                                dense.config(),
                                List.of(
                                        new ModuleSite(0, ModuleKind.MLP),
                                        new ModuleSite(1, ModuleKind.ATTENTION),
                                        new ModuleSite(2, ModuleKind.MLP)),
                                Provenance.of("here"))
                        .applyTo(dense);
                found.add(ApproximatorFit.of(3)
                        .run(pruned, List.of(golden.ids(0), golden.ids(1)), ProgressObserver.silent())
                        .logits(golden.ids(0)));
            }

            assertThat(found.get(1)).isDeepEqualTo(found.get(0));
            assertThat(found.get(2)).isDeepEqualTo(found.get(0));
        }
    }

    // B is 0 in a fresh one, which would change nothing.
    private static Adapter adapter(LanguageModel model, NDManager owner) {
        Adapter fresh = Lora.init(owner, model.config(), LoraConfig.defaults(), 7);
        fresh.pairs().values().forEach(pair -> pair.b().addi(.02f));
        return Lora.copy(fresh, owner);
    }

    @ParameterizedTest
    @CsvSource({"cpu, 1", "'cpu1=1, cpu', 2", "'cpu1=0, cpu2=1, cpu', 3"})
    void asManyMicroBatchesAreUnderWayAsThereAreDevices(String map, int devices) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Meeting meeting = Meeting.of(devices);
            LanguageModel model = model(golden, manager, map).withPolicy(meeting);
            try (NDManager owner = model.scope()) {
                TrainingLoop.run(
                        Kind.ROUTERS.objective(model, owner, golden, loop(1)),
                        loop(1),
                        owner,
                        ProgressObserver.silent());
            }

            assertThat(meeting.most().get()).isEqualTo(devices);
        }
    }

    @Test
    void aRunThatIsInterruptedWhileBatchesAreUnderWayLeavesNone() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            Meeting meeting = Meeting.of(4);
            LanguageModel model = model(golden, manager, MAP).withPolicy(meeting);
            NDManager owner = model.scope();
            Thread loop = Thread.currentThread();
            Thread stopper = new Thread(() -> {
                while (meeting.inside().get() < 2) {
                    Thread.onSpinWait();
                }
                loop.interrupt();
            });
            stopper.start();
            TrainingRun run = TrainingLoop.run(
                    Kind.ROUTERS.objective(model, owner, golden, loop(1)), loop(1), owner, ProgressObserver.silent());

            assertThat(Thread.interrupted()).isTrue();
            assertThat(run.isStopped()).isTrue();
            assertThat(run.steps()).isZero();
            assertThat(meeting.inside().get()).isZero();
        }
    }

    @Test
    void whatLearnsIsWhereItsLayerIs() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = model(golden, manager, MAPS.get(1));
            NDManager owner = model.scope();
            Routers routers = Routers.init(owner, model.config(), RouterConfig.defaults(), 5);

            routers.all().forEach(router -> {
                String place = router.key().matches("layers.[01].*") ? "cpu1" : "cpu2";
                assertThat(router.parameters())
                        .allMatch(p -> Places.of(p.getManager()).equals(place));
            });
            adapter(model, owner)
                    .pairs()
                    .forEach((key, pair) ->
                            assertThat(Places.of(pair.a().getManager())).isEqualTo(key.layer() < 2 ? "cpu1" : "cpu2"));
        }
    }

    @Test
    void whatWasLearnedOnSeveralDevicesIsSavedAndReadOnOneAndTheOtherWayRound() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            for (String map : List.of(MAP, "cpu")) {
                LanguageModel dense = model(golden, manager, map);
                NDManager owner = dense.scope();
                Routers routers = Routers.init(owner, dense.config(), RouterConfig.defaults(), 5);
                LanguageModel tuned = dense.withAdapter(adapter(dense, owner))
                        .withPolicy(RoutedPolicy.of(Gate.compile(owner), routers));
                Path saved = folder.resolve(map.replaceAll("\\W", "_"));
                save(saved, tuned);
                for (String other : List.of("cpu", MAPS.get(1))) {
                    LanguageModel base = model(golden, manager, other);
                    LanguageModel read = SkipGptFolder.load(saved, base, base.scope());

                    assertThat(read.alwaysPacked().logits(golden.ids(0)))
                            .isDeepEqualTo(tuned.alwaysPacked().logits(golden.ids(0)));
                }
            }
        }
    }

    @Test
    void whatIsWrittenForOneDeviceIsRefusedByName() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = model(golden, manager, MAP);
            LanguageModel adapted = model.withAdapter(adapter(model, model.scope()));

            assertThatThrownBy(() -> Lora.merge(adapted, model.scope()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContainingAll("several devices", "merging", "load(name)");
            assertThatThrownBy(() -> new FullTraining(
                            model, n -> new int[][] {{1, 2}}, List.of(), 1, FullTraining.Precision.FP32, false, "x"))
                    .hasMessageContainingAll("several devices", "training all");
        }
    }
}
