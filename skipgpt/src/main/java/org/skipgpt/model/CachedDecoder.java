package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.Vectors;

/**
 * The forward pass over new tokens of sequences whose earlier tokens are in a cache.
 *
 * <p>Equal to {@link Decoder#forward} over the whole sequences. A token that skips an attention module leaves there,
 * by K/V policy: its keys and values (KEEP), its residual row until some token attends there (DEFERRED),
 * or nothing (EXECUTED). A module nobody executes is bypassed whole: its weights are not read.
 */
final class CachedDecoder {
    /** Rows of a pass from which on a stop waits for a layer, not for the pass; shorter passes leave the cache whole. */
    private static final int LONG = 64;

    /** Bytes of keys and values that are read in about the time of one more turn of the loop over sequences; an estimate. */
    private static final long TURN_BYTES = 2 << 20;

    private static final long GPU_TURN_BYTES = 256 << 20;

    private final Decoder decoder;
    private final LayerPolicy policy;
    private final Execution execution;
    private final KvPolicy kv;
    private final KvCache cache;
    private final long[] executed;
    private final boolean inJava;
    private final Optional<FixedStep> fixed;
    private Optional<RowStep> row = Optional.empty();
    private long tokens;

    CachedDecoder(Decoder decoder, LayerPolicy policy, Execution execution, DecodingStep wanted, KvCache cache) {
        this.decoder = decoder;
        this.policy = policy;
        this.execution = execution;
        // Masked execution queries every row, so no row's keys can wait.
        boolean waits = execution != Execution.MASKED || policy.kvPolicy() != KvPolicy.DEFERRED;
        this.kv = waits ? policy.kvPolicy() : KvPolicy.KEEP;
        this.cache = cache;
        this.executed = new long[decoder.config().modules()];
        this.inJava = RowRule.obstacle(
                        decoder.config(), decoder.weights(), execution, wanted, cache.sequences(), cache.limit())
                .isEmpty();
        if (RowRule.isFixed(wanted, execution, cache.sequences())) {
            decoder.weights().checkOnePlace("a step by calls of fixed shapes");
        }
        this.fixed = RowRule.isFixed(wanted, execution, cache.sequences())
                ? Optional.of(new FixedStep(decoder, kv, cache))
                : Optional.empty();
    }

    /** The pass over one new token in Java, where that serves; empty where the engine computes these rows. */
    private Optional<RowStep> inJava(Rows rows) {
        return inJava && rows.size() == 1 ? Optional.of(step()) : Optional.empty();
    }

    private RowStep step() {
        if (row.isEmpty()) {
            RowKernels kernels = Vectors.kernels().orElseThrow();
            row = Optional.of(
                    new RowStep(decoder, policy, cache, decoder.rowWeights(kernels), kernels, RowRule.crew()));
        }
        return row.get();
    }

    /** Logits of some rows that the last pass left. */
    float[] logits(Rows rows, NDArray ends) {
        Optional<RowStep> alone = inJava(rows);
        if (alone.isPresent()) {
            return alone.get().logits();
        }
        // A head in blocks is the largest matrix to widen, for one row at a prompt's end.
        boolean one = inJava
                && ends.getShape().get(0) == 1
                && decoder.weights().storedHead().blocks().isPresent();
        return one ? step().logits(ends.toFloatArray()) : decoder.logits(ends).toFloatArray();
    }

    /** Share of tokens that executed each module so far; 2L. */
    double[] executionRates() {
        return Arrays.stream(executed)
                .mapToDouble(n -> tokens == 0 ? 0 : (double) n / tokens)
                .toArray();
    }

    /**
     * Runs all layers over new rows and puts their keys and values into the cache.
     *
     * @param rows new tokens; sequence s of the rows continues sequence s of the cache and may have none
     * @return the residual stream that enters the final norm, (N, D)
     */
    NDArray forward(Rows rows) {
        Optional<RowStep> alone = inJava(rows);
        NDArray x = alone.isPresent()
                ? alone.get().forward(rows, site -> executed[site.index()]++)
                : layers(rows); // (N, D)
        tokens += rows.size();
        for (int s = 0; s < rows.sequences(); s++) {
            cache.positions()[s] += rows.starts()[s + 1] - rows.starts()[s];
        }
        return x;
    }

    private NDArray layers(Rows rows) {
        NDArray embedded = decoder.embed(rows); // (N, D)
        List<RowSet> everyone = rows.places().each(decoder.config().layers(), owner -> RowSet.all(owner, rows));
        try (var coming = decoder.calls().expect(this::isSure)) {
            Decoder.Modules modules = (site, x, in) -> site.module() == ModuleKind.ATTENTION
                    ? attention(site, x, rows, everyone.get(site.layer()))
                    : mlp(site, x, in, rows);
            return LayerRun.through(
                    rows.places(),
                    0,
                    decoder.config().layers(),
                    embedded,
                    (layer, in) -> Decoder.layer(layer, in, policy, modules),
                    rows.size() >= LONG); // (N, D)
        }
    }

    // Where keys and values of every token are kept, attention's weights are read whoever skips.
    private boolean isSure(ModuleSite site) {
        boolean keeps = site.module() == ModuleKind.ATTENTION && kv == KvPolicy.KEEP;
        return !policy.isDropped(site) && (keeps || policy.isConstant(site));
    }

    private NDArray mlp(ModuleSite site, NDArray x, NDArray layerInput, Rows rows) {
        Decision decision = policy.decide(site, x, layerInput, rows);
        executed[site.index()] += decision.executed(rows.size());
        NDArray made = decoder.run(site, x, rows, decision, kv, execution); // (N, D)
        return Decoder.passed(policy, site, x, made, decision); // (N, D)
    }

    private NDArray attention(ModuleSite site, NDArray x, Rows rows, RowSet everyone) {
        NDArray carried = decoder.calls().carried(site, x); // (N, D)
        boolean dropped = policy.isDropped(site);
        Decision decision = dropped ? Decision.none() : policy.decide(site, x, x, rows);
        NDArray y = dropped ? carried : attention(site, x, carried, rows, everyone, decision); // (N, D)
        Decoder.release(carried, x, y);
        return Decoder.passed(policy, site, x, y, decision); // (N, D)
    }

    private NDArray attention(
            ModuleSite site, NDArray x, NDArray carried, Rows rows, RowSet everyone, Decision decision) {
        int[] executing = decision.executing(rows.size());
        executed[site.index()] += executing.length;
        if (fixed.isPresent() && rows.size() == 1) {
            return fixed.get().attention(site, x, carried, rows, decision);
        }
        boolean all = executing.length == rows.size();
        boolean gated = !decision.isAll() && !decision.isNone();
        boolean weighted = decision.isWeighted();
        // The shortest ways add to the stream as it is.
        boolean plain = !weighted && carried == x;
        if (gated && isMasked()) {
            if (isStep(site, rows) && plain) {
                NDArray y = step(site, x, rows); // (1, D)
                if (executing.length == 1) {
                    return y;
                }
                y.close();
                return x;
            }
            NDArray f = areSteps(site, x, rows, everyone)
                    ? steps("steps", site, x, rows, everyone)
                    : attend(site, NewKeys.all(site, x, rows), rows, everyone, x); // (N, D)
            return decoder.gated(carried, f, decision.gate()); // (N, D)
        }
        if (executing.length == 0) {
            skip(site, x, rows);
            return carried;
        }
        if (isStep(site, rows) && plain) {
            return step(site, x, rows); // (1, D)
        }
        RowSet queries = all ? everyone : RowSet.of(x.getManager(), rows, executing);
        if (areSteps(site, x, rows, queries)) {
            return plain
                    ? steps("attention_steps", site, x, rows, queries)
                    : decoder.calls()
                            .scattered(carried, queries, decision, steps("steps", site, x, rows, queries)); // (N, D)
        }
        if (all && weighted) {
            return decoder.gated(carried, attendUnderPolicy(site, x, x, rows, everyone), decision.gate()); // (N, D)
        }
        if (all) {
            try (NDArray f = attendUnderPolicy(site, x, x, rows, everyone)) { // (N, D)
                return carried.add(f); // (N, D)
            }
        }
        if (gated && !packs(site, executing.length, rows)) {
            return decoder.gated(carried, attendUnderPolicy(site, x, x, rows, everyone), decision.gate()); // (N, D)
        }
        try (NDArray xq = decoder.take(x, queries.index())) { // (n, D)
            NDArray f = attendUnderPolicy(site, x, xq, rows, queries); // (n, D)
            return decoder.calls().scattered(carried, queries, decision, f); // (N, D)
        }
    }

    // Without keys of rows that skip, only rows that execute can attend.
    private boolean packs(ModuleSite site, int executing, Rows rows) {
        return execution != Execution.PACKED || kv == KvPolicy.EXECUTED || decoder.packs(site, executing, rows.size());
    }

    private boolean isMasked() {
        return execution == Execution.MASKED && kv != KvPolicy.EXECUTED;
    }

    /** Leaves behind what the policy wants of rows none of which attends. */
    private void skip(ModuleSite site, NDArray x, Rows rows) {
        if (kv == KvPolicy.EXECUTED) {
            return;
        }
        if (kv == KvPolicy.KEEP) {
            store(site, NewKeys.all(site, x, rows));
            return;
        }
        KvCache.Layer layer = cache.layer(site.layer());
        int[] ends = layer.ripe(rows);
        if (!Arrays.equals(ends, Arrays.copyOf(rows.starts(), ends.length))) {
            store(site, NewKeys.waitingAnd(site, decoder, layer, x, rows, ends));
        }
        layer.leave(x, rows, ends);
    }

    private NDArray attendUnderPolicy(ModuleSite site, NDArray x, NDArray xq, Rows rows, RowSet queries) {
        if (kv == KvPolicy.KEEP) {
            return attend(site, NewKeys.all(site, x, rows), rows, queries, xq);
        }
        boolean all = queries.rows().length == rows.size();
        if (kv == KvPolicy.EXECUTED) {
            return attend(
                    site,
                    all ? NewKeys.all(site, x, rows) : NewKeys.some(site, decoder, x, rows, queries),
                    rows,
                    queries,
                    xq);
        }
        // The module's weights are read now anyway, beside which keys of rows that could wait cost little.
        KvCache.Layer layer = cache.layer(site.layer());
        int[] ends = Arrays.copyOfRange(rows.starts(), 1, rows.starts().length);
        NewKeys keys = layer.isNothingPending()
                ? NewKeys.all(site, x, rows)
                : NewKeys.waitingAnd(site, decoder, layer, x, rows, ends);
        NDArray f = attend(site, keys, rows, queries, xq);
        layer.leave(x, rows, ends);
        return f;
    }

    private void store(ModuleSite site, NewKeys keys) {
        List<NDArray> held = cache.layer(site.layer()).append(keys.counts());
        try (keys) {
            decoder.calls()
                    .call(
                            "attention_store",
                            site,
                            keys.x(),
                            before(held, keys.offsets(), keys.positions(), keys.cos(), keys.sin()))
                    .close();
        }
    }

    // The cache's arrays come last of what a method takes before weights.
    private static NDArray[] before(List<NDArray> held, NDArray... first) {
        NDArray[] all = Arrays.copyOf(first, first.length + held.size());
        for (int i = 0; i < held.size(); i++) {
            all[first.length + i] = held.get(i);
        }
        return all;
    }

    private NDArray attend(ModuleSite site, NewKeys keys, Rows rows, RowSet queries, NDArray xq) {
        List<NDArray> held = cache.layer(site.layer()).append(keys.counts());
        boolean all = queries.rows().length == rows.size();
        // Rows that are both are normed once.
        NDArray xk = keys.x() == xq ? decoder.calls().nothing(site.layer()) : keys.x();
        NDArray cos = all ? rows.cos(site.layer()) : decoder.take(rows.cos(site.layer()), queries.index());
        NDArray sin = all ? rows.sin(site.layer()) : decoder.take(rows.sin(site.layer()), queries.index());
        NDArray f = decoder.calls()
                .call(
                        "attention_cached",
                        site,
                        xq,
                        queries.offsets(),
                        queries.positions(),
                        cos,
                        sin,
                        xk,
                        keys.offsets(),
                        keys.positions(),
                        keys.cos(),
                        keys.sin(),
                        held.get(0),
                        held.get(1),
                        held.get(2),
                        held.get(3),
                        decoder.calls().window(site.layer())); // (n, D)
        keys.close();
        Decoder.release(cos, rows.cos(site.layer()), rows.cos(site.layer()));
        Decoder.release(sin, rows.sin(site.layer()), rows.sin(site.layer()));
        return f;
    }

    /** Whether the one new row of one sequence needs no keys but its own and those in the cache. */
    private boolean isStep(ModuleSite site, Rows rows) {
        if (cache.sequences() != 1 || rows.size() != 1) {
            return false;
        }
        int window = decoder.config().windows().get(site.layer());
        return (window == 0 || rows.at()[0] < window)
                && cache.layer(site.layer()).isNothingPending();
    }

    /** A row that attends: (1, D). */
    private NDArray step(ModuleSite site, NDArray x, Rows rows) {
        List<NDArray> held = cache.layer(site.layer()).append(new int[] {1});
        NDArray[] arguments = before(held, rows.positions(), rows.cos(site.layer()), rows.sin(site.layer()));
        return decoder.calls().call("attention_step", site, x, arguments);
    }

    /** Whether every sequence has one new row at most, and all sequences in one kernel cost less than one after another. */
    private boolean areSteps(ModuleSite site, NDArray x, Rows rows, RowSet queries) {
        int[] starts = rows.starts();
        int window = decoder.config().windows().get(site.layer());
        for (int s = 0; s < rows.sequences(); s++) {
            boolean one = starts[s + 1] - starts[s] <= 1;
            if (!one || (window > 0 && starts[s + 1] > starts[s] && rows.at()[starts[s]] >= window)) {
                return false;
            }
        }
        // The kernel reads as many keys of each sequence as the longest one has, whether or not it has a query.
        int[] lengths = cache.layer(site.layer()).lengths();
        long needed = 0;
        for (int row : queries.rows()) {
            needed += lengths[rows.sequenceOf(row)];
        }
        long more = (long) lengths.length * Arrays.stream(lengths).max().orElse(0) - needed;
        long turn = x.getDevice().isGpu() ? GPU_TURN_BYTES : TURN_BYTES;
        int turns = queries.rows().length - 1;
        return turns > 0 && more * cache.layer(site.layer()).bytesPerKey() <= turns * turn;
    }

    /** One new row of each of several sequences, some of which attend. */
    private NDArray steps(String method, ModuleSite site, NDArray x, Rows rows, RowSet queries) {
        KvCache.Layer layer = cache.layer(site.layer());
        NDArray nothing = decoder.calls().nothing(site.layer());
        boolean waits = kv == KvPolicy.DEFERRED;
        int[] ends = Arrays.copyOfRange(rows.starts(), 1, rows.starts().length);
        NewKeys keys = NewKeys.all(site, x, rows);
        if (waits && !layer.isNothingPending()) {
            keys = NewKeys.waitingAnd(site, decoder, layer, x, rows, ends);
        } else if (kv == KvPolicy.EXECUTED) {
            keys = NewKeys.of(site, x, queries, rows);
        }
        boolean own = keys.x() == x;
        long[] owners =
                Arrays.stream(queries.rows()).mapToLong(rows::sequenceOf).toArray();
        NDArray[] arguments = before(
                layer.append(keys.counts()),
                queries.index(),
                Torch.onCpu(x.getManager(), owners),
                rows.cos(site.layer()),
                rows.sin(site.layer()),
                own ? nothing : keys.x(),
                keys.offsets(),
                keys.positions(),
                own ? nothing : keys.cos(),
                own ? nothing : keys.sin());
        NDArray y = decoder.calls().call(method, site, x, arguments);
        keys.close();
        if (waits) {
            layer.leave(x, rows, ends);
        }
        return y;
    }
}
