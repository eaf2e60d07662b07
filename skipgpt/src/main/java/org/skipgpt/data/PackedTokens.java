package org.skipgpt.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.SplittableRandom;
import org.skipgpt.report.WholeFile;

/**
 * A corpus as one long row of token ids, cut into windows; larger than memory where it lies in a file.
 *
 * <p>Each text stands between the beginning mark, where the family has one, and the end mark, so that windows need no padding.
 */
public final class PackedTokens {
    private static final int PIECE = 1 << 16;
    private final IntBuffer ids;

    private PackedTokens(IntBuffer ids) {
        this.ids = ids;
    }

    /** Ids already at hand. */
    public static PackedTokens of(int[] ids) {
        return new PackedTokens(IntBuffer.wrap(ids.clone()).asReadOnlyBuffer());
    }

    /**
     * Encodes texts into a file of 32-bit little-endian ids and maps it; a file already there is used as it is.
     *
     * @param limit stops after this many tokens; at most 2^31/4
     */
    public static PackedTokens encode(Iterator<String> texts, Tokenizer tokenizer, long limit, Path file) {
        try {
            if (!Files.exists(file)) {
                write(texts, tokenizer, limit, file);
            }
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                ByteBuffer bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
                return new PackedTokens(bytes.order(ByteOrder.LITTLE_ENDIAN).asIntBuffer());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Iterator<String> texts, Tokenizer tokenizer, long limit, Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        Path part = file.resolveSibling(file.getFileName() + ".part");
        ByteBuffer out = ByteBuffer.allocate(4 * PIECE).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(
                part, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            long written = 0;
            while (written < limit && texts.hasNext()) {
                if (Thread.currentThread().isInterrupted()) {
                    throw new IOException("interrupted while encoding; run again to start over");
                }
                int[] ids = tokenizer.encodeWithBos(texts.next());
                for (int i = 0; i <= ids.length && written < limit; i++, written++) {
                    if (!out.hasRemaining()) {
                        flush(out, channel);
                    }
                    out.putInt(i < ids.length ? ids[i] : tokenizer.eos().orElse(0));
                }
            }
            flush(out, channel);
        }
        WholeFile.move(part, file);
    }

    private static void flush(ByteBuffer out, FileChannel channel) throws IOException {
        out.flip();
        while (out.hasRemaining()) {
            channel.write(out);
        }
        out.clear();
    }

    /** How many tokens there are. */
    public long size() {
        return ids.limit();
    }

    /** Tokens from..to-1 as a corpus of their own. */
    public PackedTokens part(long from, long to) {
        return new PackedTokens(ids.slice((int) from, (int) (to - from)));
    }

    /** How many windows of a length there are. */
    public long windows(int length) {
        return size() / length;
    }

    /** Window number i of a length: ids i*length .. (i+1)*length-1. */
    public int[] window(long i, int length) {
        int[] out = new int[length];
        ids.get((int) (i * length), out);
        return out;
    }

    /**
     * The windows of one batch, in file order and round again: what a curriculum needs.
     *
     * @param batch number of the batch, 0 first
     */
    public int[][] inOrder(long batch, int size, int length) {
        int[][] out = new int[size][];
        for (int i = 0; i < size; i++) {
            out[i] = window((batch * size + i) % windows(length), length);
        }
        return out;
    }

    /** The windows of one batch drawn at random; the same seed and number give the same batch. */
    public int[][] random(long seed, long batch, int size, int length) {
        if (windows(length) == 0) {
            throw new IllegalArgumentException("the corpus has " + size() + " tokens, fewer than one window of "
                    + length + "; give more text or a shorter length");
        }
        SplittableRandom draw = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + batch);
        int[][] out = new int[size][];
        for (int i = 0; i < size; i++) {
            int from = (int) draw.nextLong(size() - length + 1);
            out[i] = new int[length];
            ids.get(from, out[i]);
        }
        return out;
    }
}
