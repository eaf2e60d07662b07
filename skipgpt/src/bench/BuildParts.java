import static org.skipgpt.SkipGpt.load;
import static org.skipgpt.SkipGpt.workspace;

import ai.djl.ndarray.NDManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.skipgpt.eval.ScoreOptions;
import org.skipgpt.eval.ScoreStore;
import org.skipgpt.eval.Scorer;
import org.skipgpt.eval.TaskData;
import org.skipgpt.eval.Tasks;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.model.Trace;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.Batches;
import org.skipgpt.train.LoopConfig;
import org.skipgpt.train.LoraTuning;
import org.skipgpt.train.Objective;
import org.skipgpt.train.RouterTuning;
import org.skipgpt.train.RouterTuningConfig;

/**
 * Times one build of the library: seconds of the part that a line names. Started from its source on the class path of that build, so it
 * names only what builds of all versions have. Arguments: a model and a file of questions.
 */
final class BuildParts {
    private static final double SHARE = 0.4;

    private final LanguageModel dense;
    private final LanguageModel skipping;
    private final TaskData questions;

    private BuildParts(String model, Path questions) {
        workspace("cpu", "fp32");
        this.dense = load(model);
        this.skipping = dense.withPolicy(ForcedPolicy.uniform(SHARE, dense.config().layers(), 7));
        this.questions = TaskData.read(Tasks.named("hellaswag"), questions);
    }

    public static void main(String[] arguments) throws IOException {
        BuildParts parts = new BuildParts(arguments[0], Path.of(arguments[1]));
        Objective router = parts.router();
        Objective lora = parts.lora();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String part = in.readLine(); part != null; part = in.readLine()) {
            long start = System.nanoTime();
            switch (part) {
                case "prefill 1 x 1024" -> parts.prefill(parts.dense, 1, 1024);
                case "prefill 1 x 1024, skipping" -> parts.prefill(parts.skipping, 1, 1024);
                case "prefill 4 x 512" -> parts.prefill(parts.dense, 4, 512);
                case "prefill 4 x 512, skipping" -> parts.prefill(parts.skipping, 4, 512);
                case "decode 32" -> parts.decode(parts.dense);
                case "decode 32, skipping" -> parts.decode(parts.skipping);
                case "router step" -> step(router, parts.dense);
                case "LoRA step" -> step(lora, parts.dense);
                case "scoring" -> parts.score();
                default -> throw new IllegalArgumentException("no part " + part);
            }
            System.out.println((System.nanoTime() - start) / 1e9);
        }
    }

    private int[][] tokens(int sequences, int length) {
        int most = Math.min(length, dense.config().maxPositions());
        SplittableRandom random = new SplittableRandom(5);
        int[][] tokens = new int[sequences][];
        Arrays.setAll(
                tokens,
                i -> random.ints(most, 0, dense.config().vocabulary()).toArray());
        return tokens;
    }

    private void prefill(LanguageModel model, int sequences, int length) {
        try (NDManager scope = model.scope()) {
            var rows = model.decoder().rows(scope, tokens(sequences, length));
            var x = model.forward(rows, Trace.none());
            model.decoder().logits(x.get("-1:")).toFloatArray();
        }
    }

    // The prompt is short beside what comes after it.
    private void decode(LanguageModel model) {
        int[] ids = tokens(1, 48)[0];
        try (Session session = model.session(1)) {
            session.append(Arrays.copyOf(ids, 16));
            for (int t = 16; t < ids.length; t++) {
                session.append(new int[] {ids[t]});
            }
        }
    }

    private Objective router() {
        NDManager manager = dense.scope();
        Routers routers = Routers.init(manager, dense.config(), RouterConfig.defaults(), 5);
        RouterTuningConfig config = RouterTuningConfig.paper(0.25).withBudget(Budget.of(0.25));
        return RouterTuning.of(
                dense, routers, Gate.compile(manager), config, LoopConfig.defaults(), batches(), "tokens");
    }

    private Objective lora() {
        LanguageModel adapted =
                skipping.withAdapter(Lora.init(dense.scope(), dense.config(), LoraConfig.defaults(), 7));
        return new LoraTuning(
                adapted, LoraConfig.defaults(), LoopConfig.defaults(), batches(), false, "tokens");
    }

    private Batches batches() {
        int[][] batch = tokens(2, 128);
        return number -> batch;
    }

    private static void step(Objective objective, LanguageModel model) {
        try (NDManager scope = model.scope();
                var on = Torch.gradients(true)) {
            objective.backward(scope, 0, 0, 1);
        }
    }

    private void score() {
        new Scorer(dense, ScoreOptions.defaults(), ScoreStore.none()).score(questions, progress -> {});
    }
}
