package org.skipgpt.train;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.skipgpt.data.PackedTokens;
import org.skipgpt.data.Tokenizer;
import org.skipgpt.data.Tokenizers;
import org.skipgpt.data.world.LabelledText;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.model.DecoderConfig;
import org.skipgpt.model.DecoderWeights;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.WeightLoader;
import org.skipgpt.model.WeightSaver;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * Trains the embedded model on the embedded world; the command that makes {@code datasets/world/model} again.
 *
 * <p>Text of rising difficulty (dense recall first, stories later) is read once, in order. Arguments: folder of the
 * tokenizer, work folder (tokens and checkpoints; a stopped run continues there), output folder, million tokens.
 */
public final class WorldRecipe {
    /** Context in tokens. */
    public static final int CONTEXT = 512;

    private static final int BATCH = 8;
    private static final long SEED = 43;

    private WorldRecipe() {}

    /** The embedded model's shape: 8 layers, 16 modules, grouped heads, 6.7M parameters with a 3,072-piece vocabulary. */
    public static DecoderConfig shape(int vocabulary) {
        return DecoderConfig.llama(vocabulary, 256, 704, 8, 8, 4).withMaxPositions(CONTEXT);
    }

    /** How hard the text is after a share of the run: up from 0 to 0.6 over the first half. */
    static double difficulty(double share) {
        return Math.min(0.6, 1.2 * share);
    }

    /** Runs the recipe. */
    public static void main(String[] arguments) {
        Path tokenizerFolder = Path.of(arguments[0]);
        Path work = Path.of(arguments[1]);
        Path out = Path.of(arguments[2]);
        long tokens = Math.round(Double.parseDouble(arguments[3]) * 1e6);
        Tokenizer tokenizer = Tokenizers.open(tokenizerFolder);
        PackedTokens corpus = PackedTokens.encode(text(tokens), tokenizer, tokens, work.resolve("tokens.bin"));
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = shape(tokenizer.vocabSize());
            DecoderWeights weights = WeightLoader.random(config, manager, Dtype.FP32, SEED);
            LanguageModel model = LanguageModel.dense("world", "", tokenizer, config, weights);
            long steps = corpus.windows(CONTEXT + 1) / BATCH;
            LoopConfig loop = LoopConfig.defaults()
                    .withSteps(steps)
                    .withRate(LearningRate.cosine(2e-3, 0.03).withFloor(0.05))
                    .withDecay(0.05)
                    .withSeed(SEED)
                    .withEvaluateEvery(200)
                    .withCheckpoints(work, 200);
            FullTraining objective = new FullTraining(
                    model, n -> corpus.inOrder(n, BATCH, CONTEXT + 1), held(tokenizer), 1, true, "world " + tokens);
            TrainingRun run = TrainingLoop.run(objective, loop, manager, ConsoleObserver.on(System.out));
            System.out.println(run);
            if (!run.isStopped()) {
                WeightSaver.save(config, weights, Dtype.BF16, tokenizer, tokenizerFolder, out);
            }
        }
    }

    private static Iterator<String> text(long tokens) {
        WorldText text = new WorldText(World.of(World.SEED), 1);
        // a document has about 200 tokens
        double documents = tokens / 200.0;
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
    private static List<int[][]> held(Tokenizer tokenizer) {
        WorldText text = new WorldText(World.of(World.SEED), 2);
        List<int[][]> held = new ArrayList<>();
        for (int i = 0; i < 64; i += 8) {
            int[][] batch = new int[8][];
            for (int j = 0; j < 8; j++) {
                batch[j] = tokenizer.encodeWithBos(text.document(i + j, 0.6).text());
            }
            held.add(batch);
        }
        return held;
    }
}
