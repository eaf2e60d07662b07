package org.skipgpt.prune;

import java.util.stream.IntStream;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;

/**
 * How SliceGPT slices.
 *
 * @param width w, columns of the stream that are kept, 1 up to the model's width
 */
public record SliceGptConfig(int width) {
    /** Checks the field. */
    public SliceGptConfig {
        if (width < 1) {
            throw new IllegalArgumentException(
                    "width " + width + " is not allowed: expected 1 or more columns of the stream; use"
                            + " SliceGptConfig.sliced(model.config(), 0.25)");
        }
    }

    /**
     * The released code's: D (1 - s) columns, rounded down to a multiple of 8. What it saves is less than s, since matrices on
     * the residual come on top.
     *
     * @param s share of columns that go, 0 up to but not 1
     */
    public static SliceGptConfig sliced(DecoderConfig model, double s) {
        if (!(s >= 0 && s < 1)) {
            throw new IllegalArgumentException(
                    "s " + s + " is not allowed: expected a share of columns, 0 up to but not 1");
        }
        int kept = (int) ((1 - s) * model.width() + 1e-9);
        return new SliceGptConfig(s == 0 ? model.width() : Math.max(1, kept < 8 ? kept : kept / 8 * 8));
    }

    /** The width whose model lacks a share of the parameters that the blocks have, matrices on the residual counted. */
    public static SliceGptConfig matching(DecoderConfig model, double parameterRatio) {
        return IntStream.rangeClosed(1, model.width())
                .mapToObj(SliceGptConfig::new)
                .min((a, b) -> Double.compare(
                        Math.abs(a.parameterRatio(model) - parameterRatio),
                        Math.abs(b.parameterRatio(model) - parameterRatio)))
                .orElseThrow();
    }

    /** The shape a model is sliced to. */
    public DecoderConfig shape(DecoderConfig model) {
        return model.withShapes(IntStream.range(0, model.layers())
                .mapToObj(model::layer)
                .map(shape -> new LayerShape(shape.heads(), shape.kvHeads(), shape.hidden(), width, true))
                .toList());
    }

    /** Share of the block parameters that goes; below 0 where matrices on the residual outweigh what was cut. */
    public double parameterRatio(DecoderConfig model) {
        return 1 - (double) shape(model).blockParameters() / model.blockParameters();
    }
}
