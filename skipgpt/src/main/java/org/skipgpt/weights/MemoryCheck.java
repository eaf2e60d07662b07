package org.skipgpt.weights;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;

/**
 * Refuses weights that do not fit into memory before anything of them is read: a system without memory ends the process
 * without a word.
 *
 * <p>Deviation: other loaders try. {@code -Dskipgpt.memory.check=off} makes this one try too.
 */
final class MemoryCheck {
    private static final String PROPERTY = "skipgpt.memory.check";
    private static final String CPU = "cpu";

    private MemoryCheck() {}

    /** Whether anything is compared. */
    static boolean isOn() {
        return !System.getProperty(PROPERTY, "").equals("off");
    }

    /**
     * Compares what the weights of a model take, parameters times bytes of an element, with what is left.
     *
     * @throws CheckpointException if there is less; it tells both and what can be done
     */
    static void check(DecoderConfig config, Dtype dtype, MemoryLeft left) {
        Placement whole = Placement.whole(config, dtype, CPU, left.available());
        if (!isOn() || whole.needed(CPU) <= left.available()) {
            return;
        }
        double needed = whole.weights();
        boolean halves = dtype == Dtype.FP32;
        throw new CheckpointException(String.format(
                Locale.ROOT,
                "The weights need %s as %s (%.2f thousand million parameters of %s bytes), and %s of %s are available."
                        + " %sTake a smaller model, or end what else uses memory.%s -Xmx has no part in it, as weights lie"
                        + " outside Java's heap; a container's limit counts. To try all the same: -D%s=off.",
                MemoryLeft.gib((long) needed),
                dtype,
                needed / dtype.bytes() / 1e9,
                bytes(dtype),
                MemoryLeft.gib(left.available()),
                MemoryLeft.gib(left.total()),
                halves ? "As bf16 they need " + MemoryLeft.gib((long) (needed / 2)) + ". " : "",
                streams(config, dtype, left),
                PROPERTY));
    }

    private static String bytes(Dtype dtype) {
        return dtype.isBlocks() ? String.format(Locale.ROOT, "%.3f", dtype.bytes()) : "" + (int) dtype.bytes();
    }

    private static String streams(DecoderConfig config, Dtype dtype, MemoryLeft left) {
        if (dtype.isBlocks()) {
            return "";
        }
        Placement streamed = new Placement(
                config,
                dtype,
                Map.of(CPU, left.available()),
                Collections.nCopies(config.layers(), Placement.STREAMED),
                Collections.emptyList());
        return streamed.needed(CPU) <= left.available()
                ? " Or leave layers in the file, from which each pass reads what it runs: load(name, \"auto\")."
                : "";
    }
}
