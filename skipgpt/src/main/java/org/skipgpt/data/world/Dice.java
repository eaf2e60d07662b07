package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Source of chance with a fixed algorithm (SplitMix64, Steele, Lea and Flood 2014), so that a seed gives the same text everywhere. */
final class Dice {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private long state;

    Dice(long seed) {
        state = seed;
    }

    /** Dice for part {@code index} of the run with this seed; neighbours are unrelated. */
    static Dice of(long seed, long index) {
        return new Dice(mix(mix(seed + GOLDEN) ^ (index * 0xD1342543DE82EF95L + 1)));
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    long next() {
        state += GOLDEN;
        return mix(state);
    }

    /** A number from 0 to {@code bound - 1}. */
    int below(int bound) {
        return (int) ((next() >>> 33) % bound);
    }

    /** A number from {@code low} to {@code high}, both included. */
    int from(int low, int high) {
        return low + below(high - low + 1);
    }

    double unit() {
        return (next() >>> 11) * 0x1.0p-53;
    }

    boolean chance(double share) {
        return unit() < share;
    }

    <T> T pick(List<T> list) {
        return list.get(below(list.size()));
    }

    /** A copy in random order. */
    <T> List<T> shuffled(List<T> list) {
        List<T> copy = new ArrayList<>(list);
        for (int i = copy.size() - 1; i > 0; i--) {
            Collections.swap(copy, i, below(i + 1));
        }
        return copy;
    }

    /** At most {@code n} different elements in random order. */
    <T> List<T> some(List<T> list, int n) {
        List<T> mixed = shuffled(list);
        return mixed.subList(0, Math.min(n, mixed.size()));
    }
}
