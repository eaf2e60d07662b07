package org.skipgpt.tokens;

import java.util.Arrays;
import java.util.PriorityQueue;

/**
 * Byte-pair merging: joins the best neighbouring pair, leftmost first among equals, until no pair can be joined.
 *
 * <p>"Neural Machine Translation of Rare Words with Subword Units" (2016), algorithm 1, with a heap: O(n log n) for n
 * units, so that a text without any space costs no more than another.
 */
final class PairMerge {
    /** Rank of a pair that must not be joined. */
    static final int NEVER = Integer.MAX_VALUE;

    /** How early a pair is joined. */
    @FunctionalInterface
    interface Ranks {
        /** Rank of joining {@code text[from,middle)} with {@code text[middle,to)}, 0 first; NEVER where not allowed. */
        int of(String text, int from, int middle, int to);
    }

    private final String text;
    private final Ranks ranks;
    private final int[] bounds; // unit i covers text[bounds[i], bounds[next[i]])
    private final int[] next;
    private final int[] previous;
    private final int[] rankHere; // rank of joining unit i with its right neighbour
    private final PriorityQueue<Long> heap = new PriorityQueue<>();

    private PairMerge(String text, int[] bounds, Ranks ranks) {
        int units = bounds.length - 1;
        this.text = text;
        this.ranks = ranks;
        this.bounds = bounds;
        next = new int[units + 1];
        previous = new int[units + 1];
        rankHere = new int[units + 1];
        for (int i = 0; i <= units; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
        }
    }

    /**
     * The units left after all joins.
     *
     * @param bounds where the first units begin, ascending from 0, with the text's length as last entry
     * @return bounds of the joined units, in the same form
     */
    static int[] merge(String text, int[] bounds, Ranks ranks) {
        return bounds.length <= 2 ? bounds : new PairMerge(text, bounds, ranks).run();
    }

    private int[] run() {
        int units = bounds.length - 1;
        for (int i = 0; i < units; i++) {
            offer(i);
        }
        while (!heap.isEmpty()) {
            long best = heap.remove();
            int unit = (int) best;
            // an entry is stale when a neighbour was joined since: the rank noted then no longer holds here
            if (rankHere[unit] == (int) (best >>> 32)) {
                join(unit);
            }
        }
        int[] left = new int[bounds.length];
        int count = 0;
        for (int i = 0; i < units; i = next[i]) {
            left[count++] = bounds[i];
        }
        left[count++] = text.length();
        return Arrays.copyOf(left, count);
    }

    private void join(int unit) {
        int gone = next[unit];
        rankHere[gone] = NEVER;
        next[unit] = next[gone];
        previous[next[unit]] = unit;
        offer(unit);
        if (previous[unit] >= 0) {
            offer(previous[unit]);
        }
    }

    private void offer(int unit) {
        int right = next[unit];
        int rank =
                right >= bounds.length - 1 ? NEVER : ranks.of(text, bounds[unit], bounds[right], bounds[next[right]]);
        rankHere[unit] = rank;
        if (rank != NEVER) {
            heap.add((long) rank << 32 | unit);
        }
    }
}
