package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.function.Consumer;
import org.skipgpt.report.Interruption;
import org.skipgpt.torch.Places;

/**
 * What a layer makes of the stream that enters it, and the one loop that runs layers: in whole passes and cached ones, in those
 * that learn and those that measure.
 *
 * <pre>{@code
 * NDArray end = LayerRun.through(rows.places(), 0, layers, decoder.embed(rows),
 *         (layer, in) -> decoder.layer(layer, in, rows, policy, Execution.PACKED, Trace.none()));
 * }</pre>
 */
@FunctionalInterface
public interface LayerRun {
    /** Runs a layer: (N, D) to (N, D); what entered stays. */
    NDArray run(int layer, NDArray in);

    /**
     * Says what becomes of the stream that entered a layer, once that is left: it is freed, unless a graph needs it. Without a
     * graph nothing else does, and memory stays at one layer.
     */
    default void left(NDArray in, NDArray out) {
        Decoder.release(in, out, out);
    }

    /** The same layers, where the stream that enters each is given away instead of freed. */
    default LayerRun keeping(Consumer<NDArray> keeper) {
        LayerRun own = this;
        return new LayerRun() {
            @Override
            public NDArray run(int layer, NDArray in) {
                return own.run(layer, in);
            }

            @Override
            public void left(NDArray in, NDArray out) {
                keeper.accept(in);
            }
        };
    }

    /**
     * Runs layers one after another; where the next one lies on another device, the stream is moved there, and behind the last one
     * of the model to where the head is.
     *
     * @param places where layers read the stream, {@link Rows#places}
     * @param from the first
     * @param to the one behind the last
     * @param x what enters the first, (N, D); it is the loop's from now on
     * @return what leaves the last, (N, D)
     * @throws java.util.concurrent.CancellationException between two layers, if the thread was interrupted
     */
    static NDArray through(Places places, int from, int to, NDArray x, LayerRun layers) {
        return through(places, from, to, x, layers, true);
    }

    /**
     * The same for passes that an interrupt may not cut in two.
     *
     * @param stops whether an interrupted thread ends the pass between two layers
     */
    static NDArray through(Places places, int from, int to, NDArray x, LayerRun layers, boolean stops) {
        NDArray stream = x; // (N, D)
        for (int layer = from; layer < to; layer++) {
            if (stops) {
                Interruption.check();
            }
            NDArray in = places.entering(layer, stream); // (N, D)
            if (in != stream) {
                Decoder.release(stream, in, in);
            }
            stream = layers.run(layer, in); // (N, D)
            layers.left(in, stream);
        }
        NDArray end = places.leaving(to, stream); // (N, D)
        if (end != stream) {
            Decoder.release(stream, end, end);
        }
        return end;
    }
}
