package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.SkipGpt;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Identity;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Whose scores a store gives back to whom. */
class ScoreStoreEngineTest {
    private static final String HASH = "0123456789abcdef".repeat(4);
    private static final String TASK =
            "|TaskDescription[name=piqa, version=1, form=CHOICES, query=Question: {goal}\nAnswer:,"
                    + " queryFilter=, choices=[{sol1}, {sol2}], gold={label}, labels=[], goldFile=, metric=ACC,"
                    + " split=validation, shotSplit=train, paperShots=0]|0|FAMILY|FP32|2048";

    @Test
    void scoresOfTheVersionBeforeAreFoundUnderEveryPolicyOfIts(@TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel dense = model(manager, HASH, 1);
            var dropped = List.of(new ModuleSite(0, ModuleKind.MLP), new ModuleSite(1, ModuleKind.ATTENTION));
            DropPlan plan = DropPlan.of("by hand", dense.config(), dropped, Provenance.of("test"));
            Routers routers = Routers.init(manager, dense.config(), RouterConfig.defaults(), 5);
            LanguageModel routed = dense.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));
            TaskData data = questions(folder);

            found(dense, data, HASH + "|fp32|dense KEEP|" + TASK);
            found(plan.applyTo(dense), data, HASH + "|fp32|drop [mlp 0, attention 1]|" + TASK);
            found(
                    routed,
                    data,
                    HASH + "|fp32|routers · linear · K/V keep · RouterConfig[form=LINEAR, input=MODULE, norm=NONE,"
                            + " bias=true, hidden=0, coupled=false] · [0.0] · ForcedExecution[firstTokens=0, layers=[]]"
                            + " · " + routers.hash() + "|" + TASK);
        }
    }

    private static void found(LanguageModel model, TaskData data, String formerly) {
        try (ScoreStore store = ScoreStore.none()) {
            for (Item item : data.items()) {
                store.put(ScoreStore.key(formerly, item), planted());
            }
            TaskResult result = score(model, data, store);
            assertThat(result.items())
                    .as(formerly)
                    .allSatisfy(item -> assertThat(item.logLikelihoods()).containsExactly(-123, -124));
            assertThat(store.size()).as(formerly).isEqualTo(data.items().size());
        }
    }

    private static Scores planted() {
        return Scores.choices(new double[] {-123, -124}, new boolean[2], new int[2]);
    }

    @Test
    void modelsThatDifferInAnythingThatDecidesShareNoScores(@TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            TaskData data = questions(folder);
            LanguageModel one = model(manager, "", 1);
            LanguageModel two = model(manager, "", 2);
            LanguageModel adapted = one.withAdapter(Lora.init(manager, one.config(), LoraConfig.defaults(), 3));
            LanguageModel other = one.withAdapter(Lora.init(manager, one.config(), LoraConfig.defaults(), 4));
            adapted.adapter()
                    .orElseThrow()
                    .pairs()
                    .values()
                    .forEach(pair -> pair.b().addi(0.05f));
            other.adapter()
                    .orElseThrow()
                    .pairs()
                    .values()
                    .forEach(pair -> pair.b().addi(0.05f));
            List<LanguageModel> different = List.of(
                    one,
                    two,
                    one.withPolicy(new Faint(0.5f)),
                    one.withPolicy(new Faint(0.25f)),
                    Lora.merge(adapted, manager),
                    Lora.merge(other, manager));
            try (ScoreStore store = ScoreStore.none()) {
                for (LanguageModel model : different) {
                    double[] fresh =
                            score(model, data, ScoreStore.none()).items().get(0).logLikelihoods();
                    assertThat(score(model, data, store).items().get(0).logLikelihoods())
                            .isEqualTo(fresh);
                }
                assertThat(store.size())
                        .isEqualTo(different.size() * data.items().size());
            }
            // Trained in place, it is another model than before.
            one.decoder().weights().changing();
            String before = one.hash();
            one.decoder().weights().finalNorm().addi(1);
            assertThat(one.hash()).isNotEqualTo(before);
        }
    }

    private static TaskResult score(LanguageModel model, TaskData data, ScoreStore store) {
        return new Scorer(model, ScoreOptions.defaults(), store).score(data, ProgressObserver.silent());
    }

    private static TaskData questions(Path folder) throws Exception {
        Path file = folder.resolve("piqa.jsonl");
        Files.writeString(
                file,
                "{\"goal\": \"a goal\", \"sol1\": \"first way\", \"sol2\": \"second way\", \"label\": 0}\n"
                        + "{\"goal\": \"another goal\", \"sol1\": \"this\", \"sol2\": \"that way\", \"label\": 1}\n");
        return TaskData.read(Tasks.named("piqa"), file);
    }

    private static LanguageModel model(NDManager manager, String hash, long seed) {
        Tokenizer tokenizer = SkipGpt.tokenizer();
        DecoderConfig config = DecoderConfig.llama(tokenizer.vocabSize(), 32, 48, 2, 4, 2);
        return LanguageModel.dense(
                "same name", hash, tokenizer, config, WeightLoader.random(config, manager, Dtype.FP32, seed));
    }

    /** Adds a share of what modules add; a user's own. */
    private record Faint(float weight) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            float[] gates = new float[rows.size()];
            Arrays.fill(gates, weight);
            return Decision.gated(residual.getManager(), gates);
        }

        @Override
        public Identity identity() {
            return Identity.of("faint", this);
        }

        @Override
        public String describe() {
            return "faint";
        }
    }
}
