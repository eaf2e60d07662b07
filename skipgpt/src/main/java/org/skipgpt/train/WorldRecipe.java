package org.skipgpt.train;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.skipgpt.data.PackedTokens;
import org.skipgpt.data.Tokenizer;
import org.skipgpt.data.Tokenizers;
import org.skipgpt.data.world.LabelledText;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.DecoderWeights;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.WeightLoader;
import org.skipgpt.model.WeightSaver;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.Observer;
import org.skipgpt.report.Provenance;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * How a model of the embedded world is trained; its {@code main} is the command that makes {@code datasets/world/model} again.
 *
 * <p>Text of rising difficulty (dense recall first, stories later) is read once, in order; over each cycle the rate rises and
 * falls once, and the difficulty rises during the first half of the first. Beside the weights lie
 * {@code recipe.json} (settings, machine, wall time) and {@code training.csv} (means of ten steps).
 *
 * <pre>{@code
 * TrainingRun run = WorldRecipe.small().train(tokenizerFolder, work, out, Observer.silent());
 * }</pre>
 *
 * @param width D
 * @param hidden the MLP's width
 * @param layers L, each an attention and an MLP module
 * @param heads query heads; half as many key/value heads
 * @param context window in tokens
 * @param tokens text read, in tokens
 * @param batch windows a step
 * @param peak highest learning rate of a cosine with 3 % warm-up that ends at 5 % of it
 * @param cycles how often the rate rises and falls, each over an equal part of the text
 * @param seed of weights and order
 */
public record WorldRecipe(
        int width,
        int hidden,
        int layers,
        int heads,
        int context,
        long tokens,
        int batch,
        double peak,
        int cycles,
        long seed) {
    /** Held-out loss in nats a token below which {@link #small} ends. */
    public static final double SMALL_LOSS = 3.2;

    private static final double DECAY = 0.05;
    private static final int LOG_STEPS = 10;

    /** The embedded model: 8 layers, 16 modules, grouped heads, 6.7M parameters with a 3,072-piece vocabulary. */
    public static WorldRecipe full() {
        return new WorldRecipe(256, 704, 8, 8, 512, 10_000_000, 8, 2e-3, 1, 43);
    }

    /** A run of about two minutes on two cores: 4 layers, 1.2M parameters; ends below {@link #SMALL_LOSS}. */
    public static WorldRecipe small() {
        return new WorldRecipe(128, 352, 4, 4, 256, 600_000, 8, 4e-3, 1, 43);
    }

    /** The same with another amount of text. */
    public WorldRecipe withTokens(long n) {
        return new WorldRecipe(width, hidden, layers, heads, context, n, batch, peak, cycles, seed);
    }

    /** The model's shape for a tokenizer's vocabulary. */
    public DecoderConfig shape(int vocabulary) {
        return DecoderConfig.llama(vocabulary, width, hidden, layers, heads, heads / 2)
                .withMaxPositions(context);
    }

    /** How hard the text is after a share of the run: up from 0 to 0.6 over the first half. */
    static double difficulty(double share) {
        return Math.min(0.6, 1.2 * share);
    }

    /**
     * Runs the recipe: {@code java -cp ... org.skipgpt.train.WorldRecipe TOKENIZER_FOLDER WORK OUT [small | MILLION_TOKENS]}.
     */
    public static void main(String[] arguments) {
        if (arguments.length < 3 || arguments.length > 4) {
            System.err.println("usage: WorldRecipe TOKENIZER_FOLDER WORK_FOLDER OUT_FOLDER [small | MILLION_TOKENS]");
            System.exit(2);
        }
        WorldRecipe recipe = arguments.length == 3
                ? full()
                : arguments[3].equals("small")
                        ? small()
                        : full().withTokens(Math.round(Double.parseDouble(arguments[3]) * 1e6));
        System.out.println(recipe.train(
                Path.of(arguments[0]), Path.of(arguments[1]), Path.of(arguments[2]), ConsoleObserver.on(System.out)));
    }

    /**
     * Trains and writes a Hugging Face folder; an interrupted run writes none and goes on where it stopped when called again.
     *
     * @param tokenizerFolder holds tokenizer.json
     * @param work tokens and checkpoints
     * @param out the folder to write
     * @return the run, with the column {@code held-out loss}: text of other seeds
     */
    public TrainingRun train(Path tokenizerFolder, Path work, Path out, Observer observer) {
        Tokenizer tokenizer = Tokenizers.open(tokenizerFolder);
        PackedTokens corpus = PackedTokens.encode(text(), tokenizer, tokens, work.resolve("tokens.bin"));
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = shape(tokenizer.vocabSize());
            DecoderWeights weights = WeightLoader.random(config, manager, Dtype.FP32, seed);
            LanguageModel model = LanguageModel.dense("world", "", tokenizer, config, weights);
            LoopConfig loop = loop(corpus, work);
            FullTraining objective = new FullTraining(
                    model,
                    n -> corpus.inOrder(n, batch, context + 1),
                    held(tokenizer),
                    1,
                    FullTraining.Precision.MIXED,
                    false,
                    "world " + tokens);
            TrainingRun run = TrainingLoop.run(objective, loop, manager, observer);
            if (!run.isStopped()) {
                WeightSaver.save(config, weights, Dtype.BF16, tokenizer, tokenizerFolder, out);
                AtomicFile.write(
                        out.resolve("training.csv"),
                        run.log().thinned(LOG_STEPS).csv());
                AtomicFile.write(out.resolve("recipe.json"), description(run, model));
            }
            return run;
        }
    }

    private LoopConfig loop(PackedTokens corpus, Path work) {
        return LoopConfig.defaults()
                .withSteps(corpus.windows(context + 1) / batch)
                .withRate(LearningRate.cosine(peak, 0.03).withFloor(0.05).withCycles(cycles))
                .withDecay(DECAY)
                .withSeed(seed)
                .withEvaluateEvery(200)
                .withCheckpoints(work, 200);
    }

    private String description(TrainingRun run, LanguageModel model) {
        JsonObject json = new JsonObject();
        json.addProperty("parameters", model.config().parameters());
        json.addProperty("steps", run.steps());
        json.addProperty("text", "WorldText seed 1, difficulty 0 to 0.6 over the first half of the first cycle");
        json.addProperty("precision", "fp32 weights and moments, matrix products in bf16; stored as bf16");
        json.addProperty("held-out loss", run.log().recent("held-out loss", 1));
        // seconds of the steps, so that a continued run counts whole
        double seconds = run.log().rows().stream()
                .mapToDouble(row -> row.getOrDefault("tokens", 0.0) / row.getOrDefault("tokens/s", 1.0))
                .sum();
        Provenance origin = Provenance.of(toString())
                .withSeed(seed)
                .withDevice(model.device().toString(), model.dtype().toString(), Torch.threads())
                .withSeconds(seconds);
        json.add("provenance", JsonParser.parseString(origin.toJson()));
        return new GsonBuilder().setPrettyPrinting().create().toJson(json) + "\n";
    }

    private Iterator<String> text() {
        WorldText text = new WorldText(World.of(World.SEED), 1);
        // a document has about 200 tokens
        double documents = tokens / 200.0 / cycles;
        Iterator<LabelledText> pages = text.documents(0, i -> difficulty(i / documents));
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return pages.hasNext();
            }

            @Override
            public String next() {
                return pages.next().text();
            }
        };
    }

    /** Held-out text of other seeds: the last documents' difficulty. */
    private List<int[][]> held(Tokenizer tokenizer) {
        WorldText text = new WorldText(World.of(World.SEED), 2);
        List<int[][]> held = new ArrayList<>();
        for (int i = 0; i < 64; i += 8) {
            int[][] part = new int[8][];
            for (int j = 0; j < 8; j++) {
                int[] ids = tokenizer.encodeWithBos(text.document(i + j, 0.6).text());
                part[j] = ids.length > context ? Arrays.copyOf(ids, context) : ids;
            }
            held.add(part);
        }
        return held;
    }
}
