package org.skipgpt.weights;

import java.util.Locale;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.torch.Dtype;

/**
 * Refuses weights that do not fit into memory before anything of them is read: a system without memory ends the process
 * without a word.
 *
 * <p>Deviation: other loaders try. {@code -Dskipgpt.memory.check=off} makes this one try too.
 */
final class MemoryCheck {
    private static final String PROPERTY = "skipgpt.memory.check";

    private MemoryCheck() {}

    /**
     * Compares what the weights of a model take, parameters times bytes of an element, with what is left.
     *
     * @throws CheckpointException if there is less; it tells both and what can be done
     */
    static void check(DecoderConfig config, Dtype dtype, MemoryLeft left) {
        if (System.getProperty(PROPERTY, "").equals("off")) {
            return;
        }
        double parameters = parameters(config);
        double needed = parameters * dtype.bytes();
        if (needed <= left.available()) {
            return;
        }
        boolean halves = dtype == Dtype.FP32;
        throw new CheckpointException(String.format(
                Locale.ROOT,
                "The weights need %s as %s (%.2f thousand million parameters of %s bytes), and %s of %s are available."
                        + " %sTake a smaller model, or end what else uses memory. -Xmx has no part in it, as weights lie"
                        + " outside Java's heap; a container's limit counts. To try all the same: -D%s=off.",
                MemoryLeft.gib((long) needed),
                dtype,
                parameters / 1e9,
                bytes(dtype),
                MemoryLeft.gib(left.available()),
                MemoryLeft.gib(left.total()),
                halves ? "As bf16 they need " + MemoryLeft.gib((long) (needed / 2)) + ". " : "",
                PROPERTY));
    }

    private static String bytes(Dtype dtype) {
        return dtype.isBlocks() ? String.format(Locale.ROOT, "%.3f", dtype.bytes()) : "" + (int) dtype.bytes();
    }

    // In doubles: sizes of a damaged config.json have products beyond 64 bits.
    private static double parameters(DecoderConfig c) {
        double layers = 0;
        if (c.shapes().isEmpty()) {
            layers = c.layers() * layer(c, new LayerShape(c.heads(), c.kvHeads(), c.hidden(), c.width(), false));
        }
        for (LayerShape shape : c.shapes()) {
            layers += layer(c, shape);
        }
        return layers + (c.tiedHead() ? 1 : 2) * (double) c.width() * c.vocabulary();
    }

    private static double layer(DecoderConfig c, LayerShape shape) {
        double heads = 2.0 * shape.heads() + 2.0 * shape.kvHeads();
        return shape.width() * (heads * c.headDim() + 3.0 * shape.hidden());
    }
}
