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
import java.util.Map;
import java.util.Optional;
import org.skipgpt.data.world.LabelledText;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Json;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.PackedTokens;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;
import org.skipgpt.weights.WeightSaver;

/**
 * How a model of the embedded world is trained; its {@code main} is the command that makes {@code datasets/world/model} again.
 *
 * <p>Text of rising difficulty (dense recall first, stories later) is read once, in order; over each cycle the rate rises and
 * falls once, and the difficulty rises during the first half of the first. Three steps of four read windows of half the context. Beside the weights lie
 * {@code recipe.json} (settings, machine, wall time) and {@code training.csv} (means of ten steps).
 *
 * <pre>{@code
 * TrainingRun run = WorldRecipe.small().train(tokenizerFolder, work, out, ProgressObserver.silent());
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
    private static final double HARDEST = 0.6;
    /** Every so many steps read whole windows, the others halves. */
    private static final int WHOLE_EVERY = 4;

    private static final long TEXT_SEED = 1;
    private static final long HELD_OUT_SEED = 2;
    private static final long ONWARDS_SEED = 3;

    /**
     * The embedded model: 8 layers, 16 modules, grouped heads, 6.7M parameters with a 3,072-piece vocabulary. Four minutes
     * on a large GPU, some hours on a CPU.
     */
    public static WorldRecipe full() {
        return new WorldRecipe(256, 704, 8, 8, 512, 80_000_000, 32, 2e-3, 1, 43);
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
        return Math.min(HARDEST, 2 * HARDEST * share);
    }

    /**
     * Runs the recipe: {@code java -cp ... org.skipgpt.train.WorldRecipe TOKENIZER_FOLDER WORK OUT
     * [small | MILLION_TOKENS [ONWARDS_FROM]]}. The environment's {@code SKIPGPT_DEVICE} names the device: cpu, which is
     * also meant where nothing is said, or gpu.
     */
    public static void main(String[] arguments) {
        if (arguments.length < 3 || arguments.length > 5) {
            System.err.println("usage: WorldRecipe TOKENIZER_FOLDER WORK_FOLDER OUT_FOLDER"
                    + " [small | MILLION_TOKENS [ONWARDS_FROM_FOLDER]]");
            System.exit(2);
        }
        WorldRecipe recipe = arguments.length == 3
                ? full()
                : arguments[3].equals("small")
                        ? small()
                        : full().withTokens(Math.round(Double.parseDouble(arguments[3]) * 1e6));
        Path work = Path.of(arguments[1]);
        Path out = Path.of(arguments[2]);
        ProgressObserver observer = ConsoleObserver.on(System.out);
        Device device = Torch.device(System.getenv().getOrDefault("SKIPGPT_DEVICE", "cpu"));
        Optional<Path> from = Optional.of(arguments).filter(a -> a.length == 5).map(a -> Path.of(a[4]));
        System.out.println(recipe.train(device, from, from.orElse(Path.of(arguments[0])), work, out, observer));
    }

    /**
     * Trains and writes a Hugging Face folder; an interrupted run writes none and goes on where it stopped when called again.
     *
     * @param tokenizerFolder holds tokenizer.json
     * @param work tokens and checkpoints
     * @param out the folder to write
     * @return the run, with the column {@code held-out loss}: text of other seeds
     */
    public TrainingRun train(Path tokenizerFolder, Path work, Path out, ProgressObserver observer) {
        return train(Device.cpu(), Optional.empty(), tokenizerFolder, work, out, observer);
    }

    /**
     * The same onwards from a model of this shape, on text it has not seen and at the hardest mixture from the first step.
     *
     * @param from a Hugging Face folder with its tokenizer
     * @throws IllegalArgumentException if the model has another shape than the recipe
     */
    public TrainingRun onwards(Path from, Path work, Path out, ProgressObserver observer) {
        return train(Device.cpu(), Optional.of(from), from, work, out, observer);
    }

    private TrainingRun train(
            Device device, Optional<Path> from, Path tokenizerFolder, Path work, Path out, ProgressObserver observer) {
        Tokenizer tokenizer = Tokenizers.open(tokenizerFolder);
        try (NDManager manager = Torch.manager(device)) {
            LanguageModel model =
                    from.map(f -> loaded(f, tokenizer, manager)).orElseGet(() -> fresh(tokenizer, manager));
            PackedTokens corpus =
                    PackedTokens.encode(text(from.isPresent()), tokenizer, tokens, work.resolve("tokens.bin"));
            LoopConfig loop = loop(corpus, work);
            FullTraining.Precision precision = FullTraining.Precision.fastest(device);
            FullTraining objective = new FullTraining(
                    model,
                    n -> n % WHOLE_EVERY == 0
                            ? corpus.inOrder(n, batch, context + 1)
                            : halves(corpus.inOrder(n, batch, context + 1)),
                    held(tokenizer),
                    1,
                    precision,
                    false,
                    "world " + tokens + " " + model.hash());
            TrainingRun run = TrainingLoop.run(objective, loop, manager, observer);
            if (!run.isStopped()) {
                WeightSaver.save(
                        model.config(),
                        model.decoder().weights(),
                        Dtype.BF16,
                        tokenizer,
                        tokenizerFolder,
                        out,
                        Map.of(
                                "training.csv",
                                run.log().thinned(LOG_STEPS).csv(),
                                "recipe.json",
                                description(run, model, precision, from)));
            }
            return run;
        }
    }

    /** The same text in windows of half the length, where attention costs half; documents are shorter than that. */
    private static int[][] halves(int[][] windows) {
        int[][] halves = new int[2 * windows.length][];
        for (int i = 0; i < windows.length; i++) {
            int middle = windows[i].length / 2;
            halves[2 * i] = Arrays.copyOfRange(windows[i], 0, middle + 1);
            halves[2 * i + 1] = Arrays.copyOfRange(windows[i], middle, windows[i].length);
        }
        return halves;
    }

    private LanguageModel fresh(Tokenizer tokenizer, NDManager manager) {
        DecoderConfig config = shape(tokenizer.vocabSize());
        return LanguageModel.dense(
                "world", "", tokenizer, config, WeightLoader.random(config, manager, Dtype.FP32, seed));
    }

    private LanguageModel loaded(Path from, Tokenizer tokenizer, NDManager manager) {
        try (HuggingFaceFolder folder = HuggingFaceFolder.open(from)) {
            DecoderConfig config = ConfigJson.read(folder.config());
            if (config.parameters() != shape(tokenizer.vocabSize()).parameters()) {
                throw new IllegalArgumentException(from + " holds " + config + ", but the recipe asks for "
                        + shape(tokenizer.vocabSize()) + "; give a model that this recipe made");
            }
            return LanguageModel.dense(
                    "world",
                    folder.hash(),
                    tokenizer,
                    config,
                    WeightLoader.load(config, folder.tensors(), manager, Dtype.FP32));
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

    private String description(
            TrainingRun run, LanguageModel model, FullTraining.Precision precision, Optional<Path> from) {
        JsonObject json = new JsonObject();
        json.addProperty("parameters", model.config().parameters());
        json.addProperty("steps", run.steps());
        json.addProperty(
                "text",
                from.isPresent()
                        ? "WorldText seed " + ONWARDS_SEED + ", difficulty " + HARDEST
                        : "WorldText seed " + TEXT_SEED + ", difficulty 0 to " + HARDEST
                                + " over the first half of the first cycle");
        from.ifPresent(folder -> {
            json.addProperty("onwards from weights", model.hash());
            json.add("made by", Json.object(folder.resolve("recipe.json")));
        });
        String products = precision == FullTraining.Precision.MIXED ? "bf16" : "fp32";
        json.addProperty("precision", "fp32 weights and moments, matrix products in " + products + "; stored as bf16");
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

    private Iterator<String> text(boolean onwards) {
        WorldText text = new WorldText(World.of(World.SEED), onwards ? ONWARDS_SEED : TEXT_SEED);
        // a document has about 200 tokens
        double documents = tokens / 200.0 / cycles;
        Iterator<LabelledText> pages = text.documents(0, i -> onwards ? HARDEST : difficulty(i / documents));
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
        WorldText text = new WorldText(World.of(World.SEED), HELD_OUT_SEED);
        List<int[][]> held = new ArrayList<>();
        for (int i = 0; i < 64; i += 8) {
            int[][] part = new int[8][];
            for (int j = 0; j < 8; j++) {
                int[] ids =
                        tokenizer.encodeWithBos(text.document(i + j, HARDEST).text());
                part[j] = ids.length > context ? Arrays.copyOf(ids, context) : ids;
            }
            held.add(part);
        }
        return held;
    }
}
