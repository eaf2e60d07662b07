package org.skipgpt.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * What is timed, in llama-bench's words: {@code pp512} reads 512 tokens at once, {@code tg128} writes 128 one after another,
 * {@code tg128 @ d256} writes them behind 256 that were read before, {@code x4} is four texts together.
 *
 * @param kind reading or writing
 * @param tokens of each text
 * @param depth tokens of each text in the cache before time begins; 0 for reading
 * @param batch texts computed together
 */
public record SpeedTest(Kind kind, int tokens, int depth, int batch) {
    /** Which tokens are computed together. */
    public enum Kind {
        /** All at once. */
        PREFILL,
        /** One after another. */
        DECODE
    }

    /** Checks the counts; all faults are told at once. */
    public SpeedTest {
        List<String> faults = new ArrayList<>();
        if (tokens < 1) {
            faults.add("tokens " + tokens + " must be 1 or more");
        }
        if (depth < 0 || (depth > 0 && kind == Kind.PREFILL)) {
            faults.add("depth " + depth + " must be 0, or more where tokens are written");
        }
        if (batch < 1) {
            faults.add("batch " + batch + " must be 1 or more");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("speed test: " + String.join("; ", faults));
        }
    }

    /** Most tokens that a text has when the test ends; one more than is written, since something must be continued. */
    public int length() {
        return kind == Kind.PREFILL ? tokens : Math.max(1, depth) + tokens;
    }

    /** llama-bench's name. */
    public String name() {
        return (kind == Kind.PREFILL ? "pp" : "tg")
                + tokens
                + (depth > 0 ? " @ d" + depth : "")
                + (batch > 1 ? " x" + batch : "");
    }
}
