package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.concurrent.atomic.AtomicInteger;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/**
 * Lets passes wait at the first module for each other, for a while, and notes how many were there at once.
 *
 * @param expected how many are waited for
 * @param inside how many are there
 * @param most the most that were there at once
 */
public record Meeting(LayerPolicy rest, int expected, AtomicInteger inside, AtomicInteger most)
        implements PolicyAround {
    private static final long LONGEST_NANOS = 3_000_000_000L;

    /** Passes of a dense model. */
    public static Meeting of(int expected) {
        return new Meeting(LayerPolicy.dense(), expected, new AtomicInteger(), new AtomicInteger());
    }

    @Override
    public LayerPolicy around(LayerPolicy other) {
        return new Meeting(other, expected, inside, most);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        if (site.index() == 0) {
            most.accumulateAndGet(inside.incrementAndGet(), Math::max);
            long end = System.nanoTime() + LONGEST_NANOS;
            // One more than is expected would show, too.
            while (most.get() <= expected
                    && System.nanoTime() < end
                    && !Thread.currentThread().isInterrupted()) {
                Thread.onSpinWait();
                if (most.get() == expected && System.nanoTime() > end - LONGEST_NANOS / 2) {
                    break;
                }
            }
            inside.decrementAndGet();
        }
        return rest.decide(site, residual, layerInput, rows);
    }

    @Override
    public Identity identity() {
        return rest.identity();
    }

    @Override
    public String describe() {
        return rest.describe();
    }
}
