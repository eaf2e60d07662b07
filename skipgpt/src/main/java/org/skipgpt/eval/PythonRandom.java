package org.skipgpt.eval;

import java.util.HashSet;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Python's {@code random.Random(seed).sample}, number for number, so that few-shot examples are those of
 * lm-evaluation-harness.
 *
 * <p>Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded by the array rule as CPython 3 does it.
 *
 * <pre>{@code
 * new PythonRandom(1234).sample(1000, 5);
 * }</pre>
 */
public final class PythonRandom {
    private static final int N = 624;
    private static final int M = 397;

    private final int[] state = new int[N];
    private int next = N;

    /**
     * A generator.
     *
     * @param seed 0..2^32-1
     */
    public PythonRandom(long seed) {
        if (seed < 0 || seed > 0xFFFFFFFFL) {
            throw new IllegalArgumentException("seed " + seed + " is not allowed: expected 0..4294967295");
        }
        seedByArray(new int[] {(int) seed});
    }

    private void seedByNumber(int seed) {
        state[0] = seed;
        for (int i = 1; i < N; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ (state[i - 1] >>> 30)) + i;
        }
    }

    private void seedByArray(int[] key) {
        seedByNumber(19650218);
        int i = 1;
        int j = 0;
        for (int k = Math.max(N, key.length); k > 0; k--) {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1664525)) + key[j] + j;
            i++;
            j++;
            if (i >= N) {
                state[0] = state[N - 1];
                i = 1;
            }
            if (j >= key.length) {
                j = 0;
            }
        }
        for (int k = N - 1; k > 0; k--) {
            state[i] = (state[i] ^ ((state[i - 1] ^ (state[i - 1] >>> 30)) * 1566083941)) - i;
            i++;
            if (i >= N) {
                state[0] = state[N - 1];
                i = 1;
            }
        }
        state[0] = 0x80000000;
    }

    private int next32() {
        if (next == N) {
            for (int k = 0; k < N; k++) {
                int y = (state[k] & 0x80000000) | (state[(k + 1) % N] & 0x7fffffff);
                state[k] = state[(k + M) % N] ^ (y >>> 1) ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
            }
            next = 0;
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >>> 18);
    }

    /** A number 0..bound-1, every one as likely; bound 1..2^31-1. */
    int below(int bound) {
        int bits = 32 - Integer.numberOfLeadingZeros(bound);
        int drawn = next32() >>> (32 - bits);
        while (drawn >= bound) {
            drawn = next32() >>> (32 - bits);
        }
        return drawn;
    }

    /**
     * Different places of a list of {@code size}, in the order drawn.
     *
     * @param count 0..size
     */
    public int[] sample(int size, int count) {
        if (count < 0 || count > size) {
            throw new IllegalArgumentException("a sample of " + count + " from " + size
                    + " is not possible: expected 0.." + size + "; give more examples or fewer shots");
        }
        int[] chosen = new int[count];
        // Python keeps a pool where that takes less room than a set of the chosen ones.
        int room = 21 + (count > 5 ? power(3 * count) : 0);
        if (size <= room) {
            int[] pool = IntStream.range(0, size).toArray();
            for (int i = 0; i < count; i++) {
                int j = below(size - i);
                chosen[i] = pool[j];
                pool[j] = pool[size - i - 1];
            }
            return chosen;
        }
        Set<Integer> seen = new HashSet<>();
        for (int i = 0; i < count; i++) {
            int j = below(size);
            while (!seen.add(j)) {
                j = below(size);
            }
            chosen[i] = j;
        }
        return chosen;
    }

    /** The smallest power of 4 that reaches a number, 4^ceil(log4 n). */
    private static int power(int n) {
        int power = 1;
        while (power < n) {
            power *= 4;
        }
        return power;
    }
}
