package org.skipgpt.weights;

import java.util.Locale;

/**
 * What a model with streamed layers has read so far; the difference of two readings says what the work between them read.
 *
 * @param modules modules that were brought
 * @param bytes bytes that were read from files for them
 * @param readSeconds time of the reading thread, in which matrices are also put into the kernels' order
 * @param waitSeconds time that passes waited for it, of all threads together
 */
public record WeightReads(long modules, long bytes, double readSeconds, double waitSeconds) {
    /** What was read since another reading. */
    public WeightReads since(WeightReads before) {
        return new WeightReads(
                modules - before.modules,
                bytes - before.bytes,
                readSeconds - before.readSeconds,
                waitSeconds - before.waitSeconds);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%d modules, %.1f MiB read in %.3f s, waited for %.3f s",
                modules,
                bytes / (double) (1 << 20),
                readSeconds,
                waitSeconds);
    }
}
