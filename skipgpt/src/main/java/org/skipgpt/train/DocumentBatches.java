package org.skipgpt.train;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.skipgpt.io.TensorHash;
import org.skipgpt.tokens.Tokenizer;

/**
 * Batches of documents: each a row of its own, cut to a length, or joined and cut into windows.
 *
 * <p>Every document is seen once before any is seen again; the order is drawn anew for each round. A batch depends on its
 * number and the seed alone.
 */
public final class DocumentBatches implements Batches {
    private final int[][] rows;
    private final int size;
    private final long seed;
    private long round = -1;
    private int[] order = new int[0];

    private DocumentBatches(List<int[]> rows, int size, long seed) {
        this.rows = rows.toArray(new int[0][]);
        this.size = size;
        this.seed = seed;
    }

    /**
     * One document a row, its first tokens, as the paper has it; documents of fewer than two tokens are left out.
     *
     * @param size sequences a batch
     * @param length most tokens of a row, 2 or more
     * @throws IllegalArgumentException if no document has two tokens
     */
    public static DocumentBatches truncated(
            List<String> documents, Tokenizer tokenizer, int size, int length, long seed) {
        List<int[]> rows = new ArrayList<>();
        for (String document : documents) {
            int[] ids = tokenizer.encodeWithBos(document);
            if (ids.length > 1) {
                rows.add(Arrays.copyOf(ids, Math.min(length, ids.length)));
            }
        }
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("no text to learn from: of " + documents.size()
                    + " documents none has two tokens; give documents of at least a sentence");
        }
        return new DocumentBatches(rows, size, seed);
    }

    /**
     * Documents one after another, an end mark between them, cut into windows; no token is left out but the last few.
     *
     * @throws IllegalArgumentException if all documents together are shorter than a window
     */
    public static DocumentBatches packed(List<String> documents, Tokenizer tokenizer, int size, int length, long seed) {
        List<int[]> rows = new ArrayList<>();
        int[] window = new int[length];
        int at = 0;
        for (String document : documents) {
            int[] ids = tokenizer.encodeWithBos(document);
            int marks = tokenizer.eos().isPresent() ? 1 : 0;
            for (int i = 0; i < ids.length + marks; i++) {
                window[at++] = i < ids.length ? ids[i] : tokenizer.eos().getAsInt();
                if (at == length) {
                    rows.add(window);
                    window = new int[length];
                    at = 0;
                }
            }
        }
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("no text to learn from: " + documents.size() + " documents have " + at
                    + " tokens together, fewer than one window of " + length + "; give more text or a shorter length");
        }
        return new DocumentBatches(rows, size, seed);
    }

    @Override
    public synchronized int[][] batch(long number) {
        int[][] batch = new int[size][];
        for (int i = 0; i < size; i++) {
            long at = number * size + i;
            shuffle(at / rows.length);
            batch[i] = rows[order[(int) (at % rows.length)]];
        }
        return batch;
    }

    private void shuffle(long wanted) {
        if (round != wanted) {
            order = IntStream.range(0, rows.length).toArray();
            SplittableRandom draw = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + wanted);
            for (int i = order.length - 1; i > 0; i--) {
                int other = draw.nextInt(i + 1);
                int kept = order[i];
                order[i] = order[other];
                order[other] = kept;
            }
            round = wanted;
        }
    }

    /** How many different rows there are. */
    public int rows() {
        return rows.length;
    }

    /** Tokens in all rows together. */
    public long tokens() {
        return Arrays.stream(rows).mapToLong(r -> r.length).sum();
    }

    /** sha256 of the rows' ids, hex. */
    public String hash() {
        TensorHash sum = new TensorHash();
        for (int[] row : rows) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * row.length + 4);
            bytes.asIntBuffer().put(row.length).put(row);
            sum.update(bytes);
        }
        return sum.hex();
    }
}
