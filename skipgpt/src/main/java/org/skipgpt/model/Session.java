package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.skipgpt.report.Interruption;
import org.skipgpt.torch.InUse;

/**
 * Sequences that grow: each call appends tokens, and only those are computed.
 *
 * <p>One thread's work at a time is done, that of others waits. Everything a session says equals what the model says about the whole sequences at once.
 * Every sequence has room for as many keys and values as the longest one: where lengths differ widely, separate sessions
 * hold less ({@link #cacheBytes} against {@link #usedCacheBytes}).
 *
 * <pre>{@code
 * try (Session session = model.session(1)) {
 *     float[] next = session.append(prompt)[0];                       // logits of the token after the prompt
 *     float[][] choice = session.fork(0).logProbabilities(ending);   // the prompt is not computed again
 * }
 * }</pre>
 */
public final class Session implements AutoCloseable {
    /** New tokens computed at once; bounds the memory of a long prompt. */
    private static final int CHUNK = 1024;

    private final LanguageModel model;
    private final Decoder decoder;
    private final KvCache cache;
    private final LayerPolicy policy;
    private final CachedDecoder forward;
    private final float[][] next;
    private final float[][] given;
    private boolean broken;
    private volatile boolean closed;

    private Session(LanguageModel model, LayerPolicy policy, KvCache cache, float[][] next) {
        this.model = model;
        this.cache = cache;
        this.next = next;
        this.given = Arrays.stream(next).map(float[]::clone).toArray(float[][]::new);
        this.decoder = model.decoder().inference();
        this.policy = policy;
        this.forward = new CachedDecoder(decoder, policy, model.execution(), model.step(), cache);
    }

    static Session of(LanguageModel model, int sequences, int limit) {
        if (sequences < 0) {
            throw new IllegalArgumentException(sequences + " sequences are not allowed: expected 0 or more");
        }
        if (!model.policy().isCausal()) {
            throw new IllegalArgumentException(
                    "the policy \"" + model.policy().describe() + "\" looks ahead: what it decides about a token"
                            + " changes with the tokens behind it, so no text can"
                            + " grow under it; choose its way of deciding that"
                            + " does not look ahead");
        }
        try (InUse.Hold held = model.hold()) {
            return of(model, model.scope(), sequences, limit);
        }
    }

    private static Session of(LanguageModel model, NDManager scope, int sequences, int limit) {
        try {
            KvCache cache = new KvCache(scope, model.decoder().calls().programs(), model.config(), sequences, limit);
            LayerPolicy policy = model.policy().settled().growing(sequences);
            return new Session(model, policy, cache, new float[sequences][0]);
        } catch (RuntimeException e) {
            scope.close();
            throw e;
        }
    }

    /**
     * Appends tokens to every sequence; an empty array leaves a sequence as it is.
     *
     * @param tokens new token ids of each sequence, S arrays
     * @return logits of the token after each sequence, [S][V]; a sequence that never had a token has none (empty)
     * @throws IllegalArgumentException if a sequence would outgrow the context (both lengths are named) or a token id is
     *     outside the vocabulary; nothing is appended then
     * @throws java.util.concurrent.CancellationException if the thread was interrupted; a session that had begun a pass is
     *     incomplete and says so from then on
     */
    public float[][] append(int[]... tokens) {
        return run(tokens, null);
    }

    /**
     * Appends tokens and scores them: the natural log-probability of each, given all before it.
     *
     * @param tokens new token ids of each sequence, S arrays
     * @return for each sequence one value a new token; NaN for the first token of a sequence that was empty
     */
    public float[][] logProbabilities(int[]... tokens) {
        try (InUse.Hold held = hold()) {
            synchronized (this) {
                return scored(tokens);
            }
        }
    }

    private float[][] scored(int[][] tokens) {
        check(tokens);
        float[][] scores = new float[tokens.length][];
        for (int s = 0; s < tokens.length; s++) {
            scores[s] = new float[tokens[s].length];
            if (tokens[s].length > 0) {
                scores[s][0] = next[s].length == 0 ? Float.NaN : Logits.logProbability(next[s], tokens[s][0]);
            }
        }
        passes(tokens, scores);
        return scores;
    }

    // Memory is held before the session is, everywhere: two threads that took them in turns would wait for each other.
    private float[][] run(int[][] tokens, float @Nullable [][] scores) {
        try (InUse.Hold held = hold()) {
            synchronized (this) {
                return passes(tokens, scores);
            }
        }
    }

    // A session that was closed says so, whatever became of its model.
    private InUse.Hold hold() {
        checkOpen();
        return model.hold();
    }

    private float[][] passes(int[][] tokens, float @Nullable [][] scores) {
        check(tokens);
        Interruption.check();
        broken = true;
        int[] at = new int[tokens.length];
        for (int left = left(tokens, at); left > 0; left = left(tokens, at)) {
            Interruption.check();
            int share = Math.max(1, CHUNK / left);
            int[][] chunk = new int[tokens.length][];
            for (int s = 0; s < tokens.length; s++) {
                chunk[s] = Arrays.copyOfRange(tokens[s], at[s], Math.min(tokens[s].length, at[s] + share));
            }
            step(tokens, chunk, at, scores);
        }
        broken = false;
        return given.clone();
    }

    /** How many sequences have tokens that are not computed yet. */
    private static int left(int[][] tokens, int[] at) {
        return (int) IntStream.range(0, tokens.length)
                .filter(s -> at[s] < tokens[s].length)
                .count();
    }

    private void step(int[][] tokens, int[][] chunk, int[] at, float @Nullable [][] scores) {
        try (NDManager scope = model.scope()) {
            Rows rows = decoder.rows(scope, chunk, cache.positions().clone());
            NDArray x = forward.forward(rows); // (N, D)
            if (scores != null) {
                score(scope, x, rows, tokens, at, scores);
            }
            long[] last = new long[chunk.length];
            int ended = 0;
            for (int s = 0; s < chunk.length; s++) {
                at[s] += chunk[s].length;
                if (chunk[s].length > 0 && at[s] == tokens[s].length) {
                    last[ended++] = rows.starts()[s + 1] - 1L;
                }
            }
            if (ended == 0) {
                return;
            }
            boolean all = ended == rows.size();
            NDArray ends = all ? x : decoder.take(x, scope.create(Arrays.copyOf(last, ended))); // (ended, D)
            float[] flat = forward.logits(rows, ends); // (ended, V)
            int v = model.config().vocabulary();
            for (int s = 0, i = 0; s < chunk.length; s++) {
                if (chunk[s].length > 0 && at[s] == tokens[s].length) {
                    next[s] = Arrays.copyOfRange(flat, i * v, (i + 1) * v);
                    given[s] = next[s].clone(); // a caller may change what it gets
                    i++;
                }
            }
        }
    }

    private void score(NDManager scope, NDArray x, Rows rows, int[][] tokens, int[] at, float[][] scores) {
        long[] targets = new long[rows.size()];
        for (int row = 0; row < rows.size(); row++) {
            int s = rows.sequenceOf(row);
            int following = at[s] + row - rows.starts()[s] + 1;
            targets[row] = following < tokens[s].length ? tokens[s][following] : 0;
        }
        NDList scored = decoder.logLikelihood(x, scope.create(targets));
        float[] all = scored.get(0).toFloatArray(); // (N)
        for (int row = 0; row < all.length; row++) {
            int s = rows.sequenceOf(row);
            int following = at[s] + row - rows.starts()[s] + 1;
            if (following < tokens[s].length) {
                scores[s][following] = all[row];
            }
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this session is closed; start a new one");
        }
    }

    private void checkWhole() {
        checkOpen();
        if (broken) {
            throw new IllegalStateException(
                    "this session was stopped inside a pass and its cache is incomplete; start a new one");
        }
    }

    private void check(int[][] tokens) {
        checkWhole();
        if (tokens.length != cache.sequences()) {
            throw new IllegalArgumentException(tokens.length + " token arrays for " + cache.sequences()
                    + " sequences; give one a sequence, empty where nothing is added");
        }
        for (int s = 0; s < tokens.length; s++) {
            int length = cache.positions()[s] + tokens[s].length;
            if (length > cache.limit()) {
                throw new IllegalArgumentException("sequence " + s + " would have " + length
                        + " tokens but the context holds " + cache.limit() + "; shorten it");
            }
            for (int token : tokens[s]) {
                decoder.checked(token);
            }
        }
    }

    /**
     * A new session whose sequence i continues sequence {@code sources[i]} of this one; this one stays as it is.
     *
     * @param sources sequences 0..S-1; one may be named several times
     * @throws IllegalArgumentException if there is no such sequence
     */
    public Session fork(int... sources) {
        try (InUse.Hold held = hold()) {
            synchronized (this) {
                return forked(sources);
            }
        }
    }

    private Session forked(int... sources) {
        checkWhole();
        float[][] continued = new float[sources.length][];
        for (int i = 0; i < sources.length; i++) {
            if (sources[i] < 0 || sources[i] >= next.length) {
                throw new IllegalArgumentException("there is no sequence " + sources[i] + "; this session has "
                        + next.length + ", counted from 0");
            }
            continued[i] = next[sources[i]];
        }
        NDManager owner = model.scope();
        try {
            return new Session(model, policy.forked(sources), cache.fork(owner, sources), continued);
        } catch (RuntimeException e) {
            owner.close();
            throw e;
        }
    }

    /** Tokens in each sequence; S. */
    public int[] lengths() {
        return cache.positions().clone();
    }

    /** Bytes of key and value arrays, spare room included. */
    public long cacheBytes() {
        return cache.bytes();
    }

    /** Bytes of the keys and values that exist. */
    public long usedCacheBytes() {
        return cache.usedBytes();
    }

    /** Bytes of residual rows that wait for a later token, under {@link KvPolicy#DEFERRED}. */
    public long pendingBytes() {
        return cache.pendingBytes();
    }

    /** Share of this session's tokens that executed each module; 2L, forward order. */
    public double[] executionRates() {
        return forward.executionRates();
    }

    /** Frees keys and values when a pass under way is done; what is asked of it afterwards says that it is closed. */
    @Override
    public void close() {
        try (InUse.Hold held = decoder.inUse().hold()) {
            synchronized (this) {
                closed = true;
                cache.close();
            }
        }
    }
}
