package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.List;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.RowMemory;

/** One sequence's keys and values at one layer, in the very arrays that the engine reads and writes, see {@link KvCache}. */
final class RowCache {
    private final NDArray source;
    private final NDArray counted;
    private final RowMemory keys;
    private final RowMemory values;
    private final FloatBuffer keyNumbers;
    private final FloatBuffer valueNumbers;
    private final LongBuffer seen;
    private final LongBuffer lengths;
    private final int sequence;
    private final int heads;
    private final int room;
    private final int width;

    /**
     * Looks at arrays.
     *
     * @param arrays keys, values (S, G, C, E), positions (S, C), lengths (S)
     */
    RowCache(List<NDArray> arrays, int sequence, RowKernels kernels) {
        this.source = arrays.get(0);
        this.counted = arrays.get(3);
        this.keys = kernels.memory(RowWeights.numbers(arrays.get(0)));
        this.values = kernels.memory(RowWeights.numbers(arrays.get(1)));
        this.keyNumbers = keys.bytes().asFloatBuffer();
        this.valueNumbers = values.bytes().asFloatBuffer();
        this.seen = RowWeights.numbers(arrays.get(2)).asLongBuffer();
        this.lengths = RowWeights.numbers(arrays.get(3)).asLongBuffer();
        this.sequence = sequence;
        this.heads = (int) source.getShape().get(1);
        this.room = (int) source.getShape().get(2);
        this.width = (int) source.getShape().get(3);
    }

    /** Whether these are still the arrays, which growing and rewinding replace. */
    boolean looksAt(List<NDArray> arrays, int ofSequence) {
        return arrays.get(0) == source && arrays.get(3) == counted && ofSequence == sequence;
    }

    RowMemory keys() {
        return keys;
    }

    RowMemory values() {
        return values;
    }

    /** Which number a head's key or value at a place begins with. */
    int number(int head, int place) {
        return ((sequence * heads + head) * room + place) * width;
    }

    /** Takes GE key numbers and, behind them, GE value numbers. */
    void put(float[] keyValue, int ofHeads, int place) {
        for (int head = 0; head < ofHeads; head++) {
            keyNumbers.put(number(head, place), keyValue, head * width, width);
            valueNumbers.put(number(head, place), keyValue, (ofHeads + head) * width, width);
        }
    }

    /** Says at which position the key at a place stands, and that it is the last one. */
    void count(int place, int position) {
        seen.put(sequence * room + place, position);
        lengths.put(sequence, place + 1L);
    }

    /** The first of some keys that a window of the last tokens up to a position still holds. */
    int firstSeen(int count, int position, int window) {
        int from = sequence * room;
        if (window == 0 || position - seen.get(from) < window) {
            return 0;
        }
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (seen.get(from + middle) > position - window) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }
}
