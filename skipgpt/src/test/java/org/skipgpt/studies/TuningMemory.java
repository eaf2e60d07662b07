package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.function.IntFunction;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.TuningSteps;

/**
 * Prints a line for docs/tuning.md, {@code router|lora whole|recompute SEQUENCES}: resident memory of one step at its
 * peak, in a process of its own, above what lay there before, against what the arithmetic must keep.
 */
final class TuningMemory {
    private static final DecoderConfig SHAPE = TuningPage.SHAPE;
    private static final double[] OPEN = {.6, .6};

    private TuningMemory() {}

    public static void main(String[] arguments) throws IOException {
        boolean lora = arguments[0].equals("lora");
        boolean recompute = arguments[1].equals("recompute");
        int sequences = Integer.parseInt(arguments[2]);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = TuningSteps.random(manager, SHAPE);
            IntFunction<TuningSteps.Step> of = n -> {
                TuningSteps steps = new TuningSteps(manager, model, TuningPage.batches(n));
                return lora ? steps.lora(OPEN, recompute) : steps.router(OPEN, 1, recompute);
            };
            of.apply(1).seconds();
            TuningSteps.Step one = of.apply(sequences);
            System.gc();
            Files.writeString(Path.of("/proc/self/clear_refs"), "5");
            double before = status("VmRSS");
            one.seconds();
            double peak = status("VmHWM") - before;
            double formula = kept(lora, sequences * TuningPage.LENGTH, recompute) / (1 << 20);
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %s | %d x %d | %.0f | %.0f | %.2f |%n",
                    lora ? "LoRA" : "router",
                    recompute ? "recomputed" : "whole graph",
                    sequences,
                    TuningPage.LENGTH,
                    peak,
                    formula,
                    peak / formula);
        }
    }

    /**
     * Bytes that a step must hold at its peak. A layer of a graph keeps two streams, keys and values of all rows, f(x) of
     * both modules; queries, attention outputs, gate, silu and up of executing rows. Recomputing keeps a stream a layer
     * and one graph. Either holds a chunk of logits and its gradient. A LoRA step needs no f(x), and of the MLP's stream
     * executing rows only; it keeps what each factor A reads, with a byte an element of dropout.
     */
    private static double kept(boolean lora, int n, boolean recompute) {
        double d = SHAPE.width();
        double inputs = lora ? d * (1 + OPEN[1] + 1.25 * (1 + OPEN[0] + OPEN[1])) : 4 * d;
        double layer = n
                * 4.0
                * (inputs + 2.0 * SHAPE.kvWidth() + OPEN[0] * 2 * SHAPE.queryWidth() + OPEN[1] * 3 * SHAPE.hidden());
        double streams = n * 4.0 * d;
        // Logits, their log-softmax and their gradient, of the rows computed at once.
        double logits = 3 * 4.0 * Math.min(n, 512) * SHAPE.vocabulary();
        return recompute
                ? (SHAPE.layers() + 2) * streams + Math.max(layer, logits)
                : SHAPE.layers() * layer + 2 * streams + logits;
    }

    private static double status(String name) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(name))
                .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                .findFirst()
                .orElse(Double.NaN);
    }
}
