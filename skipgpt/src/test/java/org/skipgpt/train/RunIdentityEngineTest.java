package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.loss.Teacher;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Identity;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Controller;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.ExecutionBounds;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.MixturePolicy;
import org.skipgpt.route.MixtureWeights;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Temperature;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/**
 * What runs are known by, letter for letter: who changes it makes every folder of a run begin anew.
 *
 * <p>A knob that comes later is left out where it is as it was before ({@code with(name, value, usual)}).
 */
class RunIdentityEngineTest {
    private static final DecoderConfig SHAPE = DecoderConfig.llama(24, 32, 48, 2, 4, 2);
    private static final String SHAPE_JSON =
            "\"model\":{\"context\":2048,\"family\":\"llama\",\"headDim\":8,\"heads\":4,"
                    + "\"hidden\":48,\"kind\":\"model\",\"kvHeads\":2,\"layers\":2,\"parameters\":16288,\"vocabulary\":24,";
    private static final String MODEL_JSON = SHAPE_JSON + "\"weights\":\"abc123\",\"width\":32}";
    private static final String SHAPE_TEXT = "llama · 0.0M parameters · 2 layers × (attention 4/2 heads of 8, mlp 48)"
            + " · width 32 · vocabulary 24 · context 2048";
    private static final String MODEL_TEXT = SHAPE_TEXT + " · abc123";
    private static final String ADAPTER_JSON =
            "{\"adapter\":{\"alpha\":32,\"dropout\":0.1,\"kind\":\"LoraConfig\",\"rank\":16,\"targets\":[\"Q\",\"V\"]},";
    private static final String ROUTERS_JSON =
            "\"routers\":{\"bias\":true,\"coupled\":false,\"form\":\"LINEAR\",\"hidden\":0,"
                    + "\"input\":\"MODULE\",\"kind\":\"RouterConfig\",\"norm\":\"NONE\"},";
    private static final String ROUTERS_TEXT =
            "RouterConfig[form=LINEAR, input=MODULE, norm=NONE, bias=true, hidden=0, coupled=false]";
    // What the version before wrote for the run of TrainingEngineTest.
    private static final String FORMER = "full training · " + SHAPE_TEXT + " · test · fp32 · steps 8 · accumulation 1"
            + " · LearningRate[peak=0.002, warmup=0.0, cosine=false, floor=1.0, cycles=1] · seed 43";
    private static final LoopConfig LOOP = LoopConfig.defaults().withSteps(8);
    private static final Batches BATCHES = number -> new int[][] {{1, 2, 3}};

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private final NDManager manager = Torch.manager(Device.cpu());
    private final Gate gate = Gate.compile(manager);
    private final Routers routers = Routers.init(manager, SHAPE, RouterConfig.defaults(), 5);

    @AfterEach
    void close() {
        manager.close();
    }

    private LanguageModel model() {
        return LanguageModel.dense(
                "tiny", "abc123", Golden.numbers(24), SHAPE, WeightLoader.random(SHAPE, manager, Dtype.FP32, 5));
    }

    private LanguageModel adapted() {
        return model().withAdapter(Lora.init(manager, SHAPE, LoraConfig.joint(), 7));
    }

    private static void assertKnown(Objective objective, String json, String former) {
        try (objective) {
            assertThat(objective.identity().json()).isEqualTo(json);
            assertThat(objective.identity().former()).contains(former);
            assertThat(new Evaluated(objective, Map::of).identity()).isEqualTo(objective.identity());
        }
    }

    @Test
    void routersAreKnownByTheirSettings() {
        assertKnown(
                RouterTuning.of(model(), routers, gate, RouterTuningConfig.paper(.25), LOOP, BATCHES, "text"),
                "{\"adapterRate\":1,\"bounds\":{\"kind\":\"ExecutionBounds\",\"least\":0,\"most\":1,\"own\":{}},"
                        + "\"budget\":{\"alpha\":8,\"context\":2048,\"controller\":{\"kind\":\"Absolute\"},"
                        + "\"counts\":\"MODULES\",\"kind\":\"budget\",\"scope\":\"MICRO_BATCH\",\"target\":0.25},"
                        + "\"data\":\"text\",\"distill\":0,\"dropout\":0.1,"
                        + "\"forced\":{\"firstTokens\":0,\"kind\":\"ForcedExecution\",\"layers\":[]},"
                        + "\"kind\":\"router tuning\",\"kv\":\"KEEP\"," + MODEL_JSON
                        + ",\"noiseEnd\":1,\"noiseStart\":1,\"recompute\":false,\"rho\":1," + ROUTERS_JSON
                        + "\"schedule\":{\"kind\":\"Whole\"},\"sparseBackward\":true,"
                        + "\"temperature\":{\"from\":5,\"kind\":\"Linear\",\"to\":1}}",
                "router tuning · RouterTuningConfig[budget=Budget[target=0.25, kind=MODULES, alpha=8.0, scope=MICRO_BATCH,"
                        + " context=2048, controller=Absolute[]], temperature=Linear[from=5.0, to=1.0], noiseStart=1.0,"
                        + " noiseEnd=1.0, forced=ForcedExecution[firstTokens=0, layers=[]],"
                        + " bounds=ExecutionBounds[least=0.0, most=1.0, own={}], kv=KEEP, sparseBackward=true, rho=1.0,"
                        + " recompute=false, dropout=0.1, schedule=Whole[], distill=0.0] · " + ROUTERS_TEXT + " · "
                        + MODEL_TEXT + " · 1.0 · text");
    }

    @Test
    void everyKnobOfRoutersIsNamed() {
        RouterTuningConfig config = RouterTuningConfig.paper(.25)
                .withBudget(Budget.of(.25).withKind(Budget.Kind.PARAMS).withController(Controller.integral()))
                .withTemperature(new Temperature.Constant(1))
                .withForced(ForcedExecution.none().withFirstTokens(2).withLayers(Set.of(1, 0)))
                .withBounds(new ExecutionBounds(.1, .9).with(new ModuleSite(1, ModuleKind.MLP), 0, .5))
                .withSchedule(TargetSchedule.range(.1, .5))
                .withDistill(.5);
        LanguageModel dropped = DropPlan.of(
                        "by hand", SHAPE, List.of(new ModuleSite(0, ModuleKind.MLP)), Provenance.of("test"))
                .applyTo(adapted());
        assertKnown(
                RouterTuning.joint(dropped, routers, gate, config, LOOP, BATCHES, "text", .1, model().decoder()),
                "{\"adapterRate\":0.1,\"bounds\":{\"kind\":\"ExecutionBounds\",\"least\":0.1,\"most\":0.9,\"own\":{"
                        + "\"mlp 1\":{\"kind\":\"ExecutionBounds\",\"least\":0,\"most\":0.5,\"own\":{}}}},"
                        + "\"budget\":{\"alpha\":8,\"context\":2048,"
                        + "\"controller\":{\"integral\":4,\"kind\":\"Integral\",\"proportional\":40},"
                        + "\"counts\":\"PARAMS\",\"kind\":\"budget\",\"scope\":\"MICRO_BATCH\",\"target\":0.25},"
                        + "\"data\":\"text\",\"distill\":0.5,\"dropout\":0.1,"
                        + "\"forced\":{\"firstTokens\":2,\"kind\":\"ForcedExecution\",\"layers\":[0,1]},"
                        + "\"kind\":\"joint tuning\",\"kv\":\"KEEP\"," + MODEL_JSON
                        + ",\"noiseEnd\":1,\"noiseStart\":1,\"recompute\":false,\"rho\":1," + ROUTERS_JSON
                        + "\"schedule\":{\"high\":0.5,\"kind\":\"Range\",\"low\":0.1},\"sparseBackward\":true,"
                        + "\"temperature\":{\"kind\":\"Constant\",\"tau\":1},"
                        + "\"without\":[{\"kind\":\"ModuleSite\",\"layer\":0,\"module\":\"MLP\"}]}",
                "joint tuning · RouterTuningConfig[budget=Budget[target=0.25, kind=PARAMS, alpha=8.0, scope=MICRO_BATCH,"
                        + " context=2048, controller=Integral[proportional=40.0, integral=4.0]],"
                        + " temperature=Constant[tau=1.0], noiseStart=1.0, noiseEnd=1.0,"
                        + " forced=ForcedExecution[firstTokens=2, layers=[0, 1]], bounds=ExecutionBounds[least=0.1,"
                        + " most=0.9, own={mlp 1=ExecutionBounds[least=0.0, most=0.5, own={}]}], kv=KEEP,"
                        + " sparseBackward=true, rho=1.0, recompute=false, dropout=0.1, schedule=Range[low=0.1,"
                        + " high=0.5], distill=0.5] · " + ROUTERS_TEXT + " · " + MODEL_TEXT
                        + " · 0.1 · text · without [mlp 0]");
    }

    @Test
    void anAdapterIsKnownByItsSettingsAndThoseThatCameLaterWhereTheyAreUsed() {
        LanguageModel model = adapted();
        assertKnown(
                new LoraTuning(model, LoraConfig.joint(), LOOP, BATCHES, false, "text"),
                ADAPTER_JSON + "\"data\":\"text\",\"kind\":\"LoRA tuning\"," + MODEL_JSON
                        + ",\"policy\":{\"kind\":\"dense\"},\"sampling\":\"ARGMAX\"}",
                "LoRA tuning · 16/32.0/0.1 on [Q, V] · {\"kind\":\"dense\"} · ARGMAX · " + MODEL_TEXT + " · text");

        LanguageModel routed = model.withPolicy(RoutedPolicy.of(gate, routers));
        KeptShare kept = KeptShare.of(manager, routed, Budget.of(.25), new int[][] {{1, 2, 3, 4}});
        Teacher teacher = Teacher.of(model().decoder(), .5);
        assertKnown(
                new LoraTuning(
                        model,
                        LoraConfig.joint(),
                        LOOP,
                        BATCHES,
                        false,
                        "text",
                        Sampling.GUMBEL,
                        teacher,
                        Optional.of(kept)),
                ADAPTER_JSON + "\"data\":\"text\",\"distill\":0.5,\"keeps\":" + kept.share()
                        + ",\"kind\":\"LoRA tuning\"," + MODEL_JSON
                        + ",\"policy\":{\"kind\":\"dense\"},\"sampling\":\"GUMBEL\"}",
                "LoRA tuning · 16/32.0/0.1 on [Q, V] · {\"kind\":\"dense\"} · GUMBEL · distill 0.5 · keeps "
                        + kept.share() + " · " + MODEL_TEXT + " · text");
    }

    @Test
    void rivalsAndWholeModelsAreKnownByTheirSettings() {
        assertKnown(
                new FullTraining(model(), BATCHES, List.of(), 1, FullTraining.Precision.FP32, false, "text"),
                "{\"data\":{\"kind\":\"text\",\"name\":\"text\"},\"kind\":\"full training\"," + SHAPE_JSON
                        + "\"width\":32},\"precision\":\"FP32\"}",
                "full training · " + SHAPE_TEXT + " · text · fp32");

        MixturePolicy mixture = MixturePolicy.of(
                manager, MixtureWeights.init(manager, SHAPE, 3), MixtureForm.blocks(.4), MixturePolicy.Choice.TOP_K);
        assertKnown(
                new MixtureTuning(adapted(), mixture, LoraConfig.joint(), LOOP, BATCHES, .1, "text"),
                ADAPTER_JSON + "\"adapterRate\":0.1,\"data\":\"text\",\"form\":{\"blocks\":true,\"capacity\":0.4,"
                        + "\"every\":2,\"kind\":\"MixtureForm\"},\"kind\":\"Mixture-of-Depths tuning\"," + MODEL_JSON
                        + ",\"policy\":{\"kind\":\"dense\"}}",
                "Mixture-of-Depths tuning · MoD at capacity 40 % in one of 2 layers by top k · 16/32.0/0.1 on [Q, V]"
                        + " · {\"kind\":\"dense\"} · " + MODEL_TEXT + " · 0.1 · text");

        DLlmForm form = DLlmForm.of(.25).withForced(2, 1);
        Routers own = Routers.init(manager, SHAPE, form.router(), 5);
        assertKnown(
                new DLlmTuning(adapted(), own, gate, form, LoraConfig.joint(), LOOP, BATCHES, .1, false, "text"),
                ADAPTER_JSON + "\"adapterRate\":0.1,\"data\":\"text\",\"form\":{\"firstLayers\":1,\"firstTokens\":2,"
                        + "\"hidden\":0,\"kind\":\"DLlmForm\",\"lambda\":5,\"share\":\"TOKEN\",\"target\":0.25,"
                        + "\"temperature\":1},\"kind\":\"D-LLM tuning\"," + MODEL_JSON
                        + ",\"policy\":{\"kind\":\"dense\"}}",
                "D-LLM tuning · DLlmForm[target=0.25, share=TOKEN, lambda=5.0, temperature=1.0, hidden=0, firstTokens=2,"
                        + " firstLayers=1] · 16/32.0/0.1 on [Q, V] · {\"kind\":\"dense\"} · " + MODEL_TEXT
                        + " · 0.1 · text");
    }

    @Test
    void aRunOfTheVersionBeforeIsContinuedAndSavedInTheNewForm() throws IOException {
        double[] whole = TrainingEngineTest.train(manager, LOOP, ProgressObserver.silent())
                .log()
                .column("loss");
        Path file = begun();
        RunStates.knowByText(file, FORMER);

        assertThat(TrainingEngineTest.train(manager, LOOP.withCheckpoints(folder, 0), ProgressObserver.silent())
                        .log()
                        .column("loss"))
                .containsExactly(whole);
        try (SafeTensors saved = SafeTensors.open(file)) {
            assertThat(saved.metadata().get("run"))
                    .contains("\"rate\":{\"cosine\":false,\"cycles\":1,\"floor\":1,\"kind\":\"LearningRate\","
                            + "\"peak\":0.002,\"warmup\":0},\"seed\":43,\"steps\":8}")
                    .doesNotContain("fingerprint");
        }
    }

    @Test
    void whatDiffersIsNamedByItsPath() throws IOException {
        Path file = begun();
        LoopConfig other =
                LOOP.withRate(LearningRate.constant(1e-3)).withSeed(7).withCheckpoints(folder, 0);

        assertThatThrownBy(() -> TrainingEngineTest.train(manager, other, ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("run.safetensors was made with other settings"
                        + " (rate.peak: 0.002, now 0.001; seed: 43, now 7): use its settings to continue it");
        assertThatThrownBy(() -> another(LOOP.withCheckpoints(folder, 0)))
                .hasMessageContaining("(objective.kind: full training, now own): use its settings");
        LoopConfig clipped = LOOP.withBeta2(0.999).withClip(0.5).withCheckpoints(folder, 0);
        assertThatThrownBy(() -> TrainingEngineTest.train(manager, clipped, ProgressObserver.silent()))
                .hasMessageContaining("(beta2: 0.95, now 0.999; clip: 1, now 0.5): use its settings");

        RunStates.knowByText(file, FORMER);
        assertThatThrownBy(() -> TrainingEngineTest.train(manager, other, ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("by an earlier version was made with other settings"
                        + " (saved LearningRate[peak=0.002, warmup=0.0, cosine=false, floor=1.0")
                .hasMessageContaining("…, now LearningRate[peak=0.001, ")
                .hasMessageContaining("or another folder");
        assertThatThrownBy(() -> another(LOOP.withCheckpoints(folder, 0)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("none to compare with it: go on with that version, or use another folder");
    }

    private Path begun() {
        TrainingEngineTest.train(manager, LOOP.withCheckpoints(folder, 0), progress -> {
            if (progress.done() == 3) {
                Thread.currentThread().interrupt();
            }
        });
        assertThat(Thread.interrupted()).isTrue();
        return folder.resolve("run.safetensors");
    }

    private void another(LoopConfig loop) {
        NDArray leaf = manager.ones(new Shape(2));
        Gradients.require(leaf);
        TrainingLoop.run(new Own(leaf), loop, manager, ProgressObserver.silent());
    }

    /** An objective of one's own, which no earlier version knew. */
    private record Own(NDArray leaf) implements Objective {
        @Override
        public Map<String, NDArray> parameters() {
            return Map.of("leaf", leaf);
        }

        @Override
        public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
            throw new AssertionError("refused before it runs");
        }

        @Override
        public String describe() {
            return "own";
        }

        @Override
        public Identity identity() {
            return Identity.of("own");
        }
    }
}
