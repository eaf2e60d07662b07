package org.skipgpt.route;

/**
 * Fewest and most rows of a micro-batch that may execute each module while routers learn; keeps gates from closing or
 * opening for good.
 *
 * <p>Rows beyond a bound are flipped in the order of their noisy logits. At inference tokens never compete, since a
 * later token must not change an earlier one; there the thresholds decide.
 *
 * @param least share of rows that execute at least, 0..1
 * @param most share of rows that execute at most, least..1
 */
public record ExecutionBounds(double least, double most) {
    /** Checks the range. */
    public ExecutionBounds {
        if (!(least >= 0 && least <= most && most <= 1)) {
            throw new IllegalArgumentException(
                    "execution bounds " + least + ".." + most + ": expected 0 <= least <= most <= 1");
        }
    }

    /** No bounds. */
    public static ExecutionBounds none() {
        return new ExecutionBounds(0, 1);
    }

    long[] rows(int n) {
        boolean open = least == 0 && most == 1;
        return open
                ? new long[0]
                : new long[] {(long) Math.ceil(least * n), Math.max((long) (most * n), (long) Math.ceil(least * n))};
    }
}
