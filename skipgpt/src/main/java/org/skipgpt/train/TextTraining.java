package org.skipgpt.train;

import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.skipgpt.data.TextFiles;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Identity;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.tokens.PackedTokens;
import org.skipgpt.torch.InUse;

/**
 * Full training of a model, random or loaded, on text of any size: plain text, jsonl, csv or parquet, a file or a folder.
 *
 * <p>The text is encoded once into {@code tokens.bin} of the work folder, read from there, and never stands in memory whole.
 * The last windows are kept back and give the column {@code held-out loss}. The model's weights change in place.
 *
 * <pre>{@code
 * var options = TextTraining.defaults().withLoop(LoopConfig.defaults().withSteps(500));
 * TrainingRun run = options.run(model, TextFiles.of(Path.of("books/")), Path.of("work"), ProgressObserver.silent());
 * }</pre>
 *
 * @param loop steps, rate, seed; checkpoints go into the work folder whatever it says
 * @param sequences windows of a micro-batch
 * @param length tokens of a window; the model's context where that is shorter
 * @param heldOut windows kept back, at most a tenth of all
 * @param tokens most tokens read
 * @param precision how matrices are multiplied
 * @param recompute keep layer inputs only and run each layer twice: less memory, more time
 */
public record TextTraining(
        LoopConfig loop,
        int sequences,
        int length,
        int heldOut,
        long tokens,
        FullTraining.Precision precision,
        boolean recompute) {
    private static final int SAVE_EVERY = 200;

    /** Checks the sizes; all faults are told at once. */
    public TextTraining {
        List<String> faults = new ArrayList<>();
        if (sequences < 1) {
            faults.add("sequences " + sequences + " must be 1 or more");
        }
        if (length < 2) {
            faults.add("length " + length + " must be 2 tokens or more, since a loss needs a next token");
        }
        if (heldOut < 0 || tokens < 2) {
            faults.add("heldOut " + heldOut + " must be 0 or more, tokens " + tokens + " 2 or more");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("training on text: " + String.join("; ", faults));
        }
    }

    /** 500 steps of 8 windows of 256 tokens, cosine 1e-3 with 3 % warm-up, in fp32. */
    public static TextTraining defaults() {
        LoopConfig loop = LoopConfig.defaults()
                .withSteps(500)
                .withRate(LearningRate.cosine(1e-3, 0.03).withFloor(0.05))
                .withEvaluateEvery(100);
        return new TextTraining(loop, 8, 256, 32, 500_000_000, FullTraining.Precision.FP32, false);
    }

    /** With other settings of the loop. */
    public TextTraining withLoop(LoopConfig other) {
        return new TextTraining(other, sequences, length, heldOut, tokens, precision, recompute);
    }

    /** With other micro-batches: windows, and tokens of each. */
    public TextTraining withBatch(int windows, int windowTokens) {
        return new TextTraining(loop, windows, windowTokens, heldOut, tokens, precision, recompute);
    }

    /** With another way of multiplying. */
    public TextTraining withPrecision(FullTraining.Precision other) {
        return new TextTraining(loop, sequences, length, heldOut, tokens, other, recompute);
    }

    /** With each layer run twice to save memory, or not. */
    public TextTraining withRecompute(boolean on) {
        return new TextTraining(loop, sequences, length, heldOut, tokens, precision, on);
    }

    /**
     * Trains, or continues what lies in the work folder.
     *
     * @param work takes {@code tokens.bin}, checkpoints and {@code log.csv}; one folder a run
     * @throws IllegalArgumentException if the text is shorter than two windows
     */
    public TrainingRun run(LanguageModel model, TextFiles texts, Path work, ProgressObserver observer) {
        RunState.prepare(work);
        int window = Math.min(length, model.config().maxPositions()) + 1;
        PackedTokens corpus = encoded(model, texts, work);
        long windows = corpus.windows(window);
        if (windows < 2) {
            throw new IllegalArgumentException(texts.where() + " has " + corpus.size()
                    + " tokens, fewer than two windows of " + window + "; give more text or a shorter length");
        }
        long kept = Math.min(heldOut, windows / 10);
        PackedTokens learned = corpus.part(0, (windows - kept) * window);
        List<int[][]> held = new ArrayList<>();
        for (long i = windows - kept; i < windows; i++) {
            held.add(new int[][] {corpus.window(i, window)});
        }
        Batches batches = n -> learned.random(loop.seed(), n, sequences, window);
        Identity data = Identity.of("texts")
                .with("where", texts.where().toString())
                .with("field", texts.field())
                .with("unit", texts.unit())
                .with("tokens", corpus.size())
                .formerly(texts + " · " + corpus.size());
        long every = loop.saveEvery() > 0 ? loop.saveEvery() : SAVE_EVERY;
        try (InUse.Hold hold = model.hold();
                FullTraining objective =
                        new FullTraining(model, batches, held, loop.accumulation(), precision, recompute, data);
                NDManager scope = model.scope()) {
            return TrainingLoop.run(objective, loop.withCheckpoints(work, every), scope, observer);
        }
    }

    private PackedTokens encoded(LanguageModel model, TextFiles texts, Path work) {
        try (Stream<String> open = texts.open()) {
            Iterator<String> each = open.iterator();
            return PackedTokens.encode(each, model.tokenizer(), tokens, work.resolve("tokens.bin"));
        }
    }
}
