package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.skipgpt.eval.ScoreOptions.Sharing;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Scores with shared beginnings are those of one full pass a choice. */
class SharedPrefixEngineTest {
    private static final Path FOLDER = Path.of("src/test/resources/golden/harness");
    private static final double TOLERANCE = 1e-4;

    @Test
    void sharedBeginningsGiveTheScoresOfFullPasses() {
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder folder = HuggingFaceFolder.open(FOLDER.resolve("model"))) {
            DecoderConfig config = ConfigJson.read(folder.config());
            LanguageModel dense = LanguageModel.dense(
                    "tiny",
                    folder.hash(),
                    Tokenizers.open(FOLDER.resolve("model/tokenizer.json")),
                    config,
                    WeightLoader.load(config, folder.tensors(), manager, Dtype.FP32));
            Map<String, LanguageModel> models = models(manager, dense);
            assertThat(models).hasSize(12);
            models.forEach((name, model) -> tasks().forEach(task -> compare(name, model, task)));
        }
    }

    private static Map<String, LanguageModel> models(NDManager manager, LanguageModel dense) {
        Map<String, LanguageModel> models = new LinkedHashMap<>();
        models.put("dense", dense);
        models.put("corrected", dense.withAdapter(Lora.init(manager, dense.config(), LoraConfig.defaults(), 3)));
        Gate gate = Gate.compile(manager);
        Routers routers = Routers.init(manager, dense.config(), RouterConfig.defaults(), 43);
        for (KvPolicy kv : KvPolicy.values()) {
            LanguageModel forced = dense.withPolicy(
                    ForcedPolicy.uniform(0.5, dense.config().layers(), 7).withKvPolicy(kv));
            models.put("forced " + kv, forced);
            models.put("forced " + kv + " masked", forced.masked());
            models.put(
                    "routed " + kv,
                    dense.withPolicy(RoutedPolicy.of(gate, routers).withKvPolicy(kv))
                            .alwaysPacked());
        }
        models.put(
                "routed by layer input",
                dense.withPolicy(
                        RoutedPolicy.of(gate, Routers.init(manager, dense.config(), RouterConfig.published(), 44))));
        return models;
    }

    private static List<TaskData> tasks() {
        List<TaskData> tasks = new ArrayList<>();
        for (String name :
                List.of("winogrande.validation", "hellaswag.validation", "boolq.validation", "arc_easy.test")) {
            String task = name.substring(0, name.indexOf('.'));
            Path examples = FOLDER.resolve("items/" + task + ".train.jsonl");
            Path questions = FOLDER.resolve("items/" + name + ".jsonl");
            tasks.add(TaskData.read(Tasks.named(task), questions).first(6));
            tasks.add(TaskData.read(Tasks.named(task), questions, examples, 1).first(3));
        }
        return tasks;
    }

    private static void compare(String name, LanguageModel model, TaskData task) {
        TaskResult full = score(model, task, Sharing.NONE, 1024);
        TaskResult shared = score(model, task, Sharing.PREFIXES, 1024);
        assertThat(shared.n()).isEqualTo(task.items().size()).isEqualTo(full.n());
        for (int i = 0; i < full.n(); i++) {
            ItemScore a = full.items().get(i);
            ItemScore b = shared.items().get(i);
            String what = name + ", " + task.task().name() + ", question " + i;
            assertThat(b.pick()).as(what).isEqualTo(a.pick());
            assertThat(b.pickNorm()).as(what).isEqualTo(a.pickNorm());
            assertThat(b.greedy()).as(what).isEqualTo(a.greedy());
            for (int c = 0; c < a.logLikelihoods().length; c++) {
                // fp32 logits carry an error that grows with the size of the sum.
                double allowed = Math.max(TOLERANCE, 2e-6 * Math.abs(a.logLikelihoods()[c]));
                assertThat(b.logLikelihoods()[c]).as(what).isCloseTo(a.logLikelihoods()[c], within(allowed));
            }
        }
    }

    private static TaskResult score(LanguageModel model, TaskData task, Sharing sharing, int batch) {
        ScoreOptions options = ScoreOptions.defaults().withSharing(sharing).withBatchTokens(batch);
        return new Scorer(model, options, ScoreStore.none()).score(task, ProgressObserver.silent());
    }
}
