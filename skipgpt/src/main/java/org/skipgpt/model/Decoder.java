package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLease;

/**
 * The forward pass, one for all families, methods of skipping, training and inference.
 *
 * <p>Every module m adds to the residual stream: {@code x = x + g * f_m(norm(x))} (SkipGPT, 2025, Eq. 6), where the
 * gate g of a row is 1 or 0. N rows are packed tokens of S sequences, D is the model width.
 */
public final class Decoder implements AutoCloseable {
    private final DecoderConfig config;
    private final DecoderWeights weights;
    private final TorchProgram program;
    private final ModuleCalls calls;
    private final List<PackingMeter> packing; // of each layer's place
    private final InUse inUse;
    private final FirstRow firstRow;
    private final RowLayout layout;

    Decoder(DecoderConfig config, DecoderWeights weights, Optional<Adapter> adapter, DecoderPrograms programs) {
        this(
                weights,
                new ModuleCalls(config, weights, adapter, programs),
                PackingMeter.ofLayers(weights.places(), config),
                new FirstRow());
    }

    private Decoder(DecoderWeights weights, ModuleCalls calls, List<PackingMeter> packing, FirstRow firstRow) {
        this.config = calls.config();
        this.weights = weights;
        this.program = calls.programs().base();
        this.calls = calls;
        this.packing = packing;
        this.inUse = InUse.of(weights.manager());
        this.firstRow = firstRow;
        this.layout = new RowLayout(calls, weights.places());
    }

    /** What all views of a decoder share once one of them has computed a row in Java. */
    private static final class FirstRow {
        private Optional<RowWeights> weights = Optional.empty();

        synchronized RowWeights weights(Decoder decoder, RowKernels kernels) {
            if (weights.isEmpty()) {
                weights = Optional.of(RowWeights.of(decoder, decoder.calls.adapter(), kernels));
            }
            return weights.get();
        }
    }

    /** The weights as one row reads them in Java. */
    RowWeights rowWeights(RowKernels kernels) {
        return firstRow.weights(this, kernels);
    }

    /** The same forward pass with dropout before the low-rank factors; shares the compiled methods. */
    public Decoder withDropout(Dropout masks) {
        return new Decoder(weights, calls.withDropout(masks), packing, firstRow);
    }

    /** The same forward pass for results that never enter a graph; shares the compiled methods. */
    Decoder inference() {
        return new Decoder(weights, calls.inference(), packing, firstRow);
    }

    /** The shape. */
    public DecoderConfig config() {
        return config;
    }

    /** The weights. */
    public DecoderWeights weights() {
        return weights;
    }

    /** What whoever frees the weights waits for. */
    InUse inUse() {
        return inUse;
    }

    /** Single modules. */
    ModuleCalls calls() {
        return calls;
    }

    /** Frees the compiled methods, and with them those of every view that shares them; the weights stay. */
    @Override
    public void close() {
        calls.programs().close();
    }

    /** The compiled methods that are the same in all layers. */
    public TorchProgram program() {
        return program;
    }

    /**
     * Lays sequences one after another.
     *
     * @param scope owner of the arrays made
     * @param sequences token ids; none empty
     * @param firstPositions position of each sequence's first token; 0 without a cache
     */
    public Rows rows(NDManager scope, int[][] sequences, int[] firstPositions) {
        return layout.rows(scope, sequences, firstPositions, new int[0]);
    }

    /**
     * Lays pieces one after another that continue each other, so that a beginning many texts share is computed once.
     *
     * <p>A piece sees the tokens of the pieces it continues and its own, no others: its rows are those of the whole text.
     *
     * @param pieces token ids; none empty
     * @param parents the piece each one continues, earlier in the list; -1 for a text's beginning
     */
    public Rows branches(NDManager scope, int[][] pieces, int[] parents) {
        return layout.branches(scope, pieces, parents);
    }

    /** Rotary cosines and signed sines of a layer, of positions (n) on the CPU: two (n, 1, E) at their owner's place. */
    NDList angles(int layer, NDArray positions) {
        return layout.angles(layer, positions);
    }

    /** Lays whole sequences one after another, each from position 0. */
    public Rows rows(NDManager scope, int[]... sequences) {
        return rows(scope, sequences, new int[sequences.length]);
    }

    /** The same token id, if the vocabulary has it. */
    int checked(int token) {
        return layout.checked(token);
    }

    /** Token embeddings, the residual stream that enters layer 0: (N, D). */
    public NDArray embed(Rows rows) {
        NDManager scope = rows.ids().getManager();
        Optional<NDArray> table = weights.rowsOfBlocks(scope, rows.tokens()); // (N, D)
        if (table.isPresent()) {
            long[] places = LongStream.range(0, rows.size()).toArray();
            try (NDArray own = table.get();
                    NDArray ids = scope.create(places)) {
                return program.call("embed", ids, own); // (N, D)
            }
        }
        return program.call("embed", rows.ids(), weights.embedding()); // (N, D)
    }

    /**
     * Runs all layers over whole sequences and returns the residual stream that enters the final norm.
     *
     * @param rows whole sequences
     * @param policy what each module does with each row
     * @param execution masked or packed
     * @param trace watches each module
     * @return (N, D)
     */
    public NDArray forward(Rows rows, LayerPolicy policy, Execution execution, Trace trace) {
        return layers(config.layers(), rows, policy, execution, trace);
    }

    /**
     * Some rows of the same stream. In the last layer nothing reads the others: where all tokens are treated alike, only
     * their keys and values are computed.
     *
     * @param wanted rows, ascending; n
     * @return (n, D)
     */
    public NDArray forward(Rows rows, LayerPolicy policy, Execution execution, int[] wanted) {
        int last = config.layers() - 1;
        List<ModuleSite> sites =
                List.of(new ModuleSite(last, ModuleKind.ATTENTION), new ModuleSite(last, ModuleKind.MLP));
        boolean narrows = sites.stream().allMatch(policy::isConstant);
        NDArray x = layers(narrows ? last : last + 1, rows, policy, execution, Trace.none()); // (N, D)
        if (narrows) {
            x = rows.places().entering(last, x); // (N, D)
        }
        RowSet set = RowSet.of(x.getManager(), rows, wanted);
        NDArray y = take(x, set.index()); // (n, D)
        for (ModuleSite site : narrows ? sites : List.<ModuleSite>of()) {
            Decision decision = policy.decide(site, x, x, rows);
            if (!decision.isAll() && !decision.isNone()) {
                throw new IllegalStateException("the policy \"" + policy.describe() + "\" says that all tokens are"
                        + " treated alike in " + site + ", yet it gates single rows there: isConstant must be false");
            }
            NDArray in = y; // (n, D)
            if (decision.isAll()) {
                boolean reads = site.module() == ModuleKind.ATTENTION;
                NDArray f = reads ? calls.someOutputs(site, x, rows, set) : calls.call("mlp", site, y); // (n, D)
                y = calls.carried(site, y).add(f); // (n, D)
            } else {
                y = policy.passing(site, in, calls.carried(site, y), decision); // (n, D)
            }
        }
        return rows.places().leaving(config.layers(), y); // (n, D)
    }

    private NDArray layers(int count, Rows rows, LayerPolicy policy, Execution execution, Trace trace) {
        try (var coming = calls.expect(site -> policy.isConstant(site) && !policy.isDropped(site))) {
            return LayerRun.through(
                    rows.places(),
                    0,
                    count,
                    embed(rows),
                    (layer, in) -> layer(layer, in, rows, policy, execution, trace)); // (N, D)
        }
    }

    /**
     * Says which modules this thread will call next one by one, in their order, so that streamed weights are read ahead; closed when
     * the calls are over.
     */
    public DecoderWeights.Expectation expect(List<ModuleSite> sites) {
        return calls.expect(sites);
    }

    /** One layer over whole sequences: attention, then MLP, then what the policy makes of both; what entered stays. */
    public NDArray layer(int layer, NDArray in, Rows rows, LayerPolicy policy, Execution execution, Trace trace) {
        return layer(layer, in, policy, (site, x, from) -> module(site, x, from, rows, policy, execution, trace));
    }

    /** What a module makes of the stream x, (N, D), in a layer that layerInput entered: (N, D). Where keys come from is its own. */
    @FunctionalInterface
    interface Modules {
        NDArray run(ModuleSite site, NDArray x, NDArray layerInput);
    }

    /** One layer, wherever its modules have keys from. */
    static NDArray layer(int layer, NDArray in, LayerPolicy policy, Modules modules) {
        NDArray middle = modules.run(new ModuleSite(layer, ModuleKind.ATTENTION), in, in); // (N, D)
        NDArray made = modules.run(new ModuleSite(layer, ModuleKind.MLP), middle, in); // (N, D)
        NDArray out = policy.leaving(layer, in, made); // (N, D)
        // A graph keeps what it needs of them, which is less where rows skip.
        if (middle != in && middle != made) {
            middle.close();
        }
        if (made != in && made != out) {
            made.close();
        }
        return out;
    }

    // Without a graph nothing else needs the old stream; freeing it now keeps memory at one layer.
    static void release(NDArray old, NDArray live, NDArray alsoLive) {
        if (!Torch.recordsGradients() && old != live && old != alsoLive) {
            old.close();
        }
    }

    /** One module over whole sequences: decides, then runs what was decided. */
    public NDArray module(
            ModuleSite site,
            NDArray x,
            NDArray layerInput,
            Rows rows,
            LayerPolicy policy,
            Execution execution,
            Trace trace) {
        Decision decision = policy.decide(site, x, layerInput, rows);
        NDArray y =
                passed(policy, site, x, run(site, x, rows, decision, policy.kvPolicy(), execution), decision); // (N, D)
        trace.module(site, x, y, decision, rows);
        return y;
    }

    /** What a policy makes of what left a module, which it consumes. */
    static NDArray passed(LayerPolicy policy, ModuleSite site, NDArray x, NDArray made, Decision decision) {
        NDArray y = policy.passing(site, x, made, decision); // (N, D)
        release(made, x, y);
        return y;
    }

    NDArray run(ModuleSite site, NDArray x, Rows rows, Decision decision, KvPolicy kv, Execution execution) {
        if (decision.isAll()) {
            return dense(site, x, rows);
        }
        NDArray carried = calls.carried(site, x); // (N, D)
        NDArray y = added(site, x, carried, rows, decision, kv, execution); // (N, D)
        release(carried, x, y);
        return y;
    }

    private NDArray added(
            ModuleSite site,
            NDArray x,
            NDArray carried,
            Rows rows,
            Decision decision,
            KvPolicy kv,
            Execution execution) {
        if (decision.isNone()) {
            return carried;
        }
        boolean evicting = kv == KvPolicy.EXECUTED && site.module() == ModuleKind.ATTENTION;
        if (execution == Execution.MASKED) {
            NDArray f = evicting ? calls.evicting(site, x, decision.gate(), rows) : calls.output(site, x, rows);
            return gated(carried, f, decision.gate()); // (N, D)
        }
        if (calls.routesOnDevice(site, rows, kv)) {
            boolean always = execution == Execution.ALWAYS_PACKED;
            int most = always ? rows.size() : packing.get(site.layer()).most(this, site.module(), rows.size());
            return calls.routed(site, x, decision.gate(), most, rows); // (N, D)
        }
        int[] executing = decision.executing(rows.size());
        if (executing.length == 0) {
            return carried;
        }
        if (executing.length == rows.size()) {
            return decision.isWeighted() || carried != x
                    ? gated(carried, output(site, x, rows), decision.gate())
                    : dense(site, x, rows); // (N, D)
        }
        boolean mustPack = execution == Execution.ALWAYS_PACKED || Torch.recordsGradients() || evicting;
        if (mustPack || packs(site, executing.length, rows.size())) {
            RowSet set = RowSet.of(x.getManager(), rows, executing);
            return calls.packed(site, x, carried, rows, set, kv, decision); // (N, D)
        }
        return gated(carried, output(site, x, rows), decision.gate()); // (N, D)
    }

    /** x + g f; consumes f. */
    NDArray gated(NDArray x, NDArray f, NDArray gate) {
        NDArray y = program.call("gated", x, f, gate); // (N, D)
        release(f, x, y);
        return y;
    }

    NDArray dense(ModuleSite site, NDArray x, Rows rows) {
        return calls.dense(site, x, rows); // (N, D)
    }

    /** Whether computing only some rows is the faster way; measured for this size of a pass when it is first asked for. */
    boolean packs(ModuleSite site, int executing, int rows) {
        return executing <= packing.get(site.layer()).most(this, site.module(), rows);
    }

    /** Where packing pays on the first layer's device; sizes that no pass has needed so far are measured now. */
    public PackingCosts packingCosts() {
        return packing.get(0).all(this);
    }

    /** What a module adds to every row, f(x): (N, D). */
    public NDArray output(ModuleSite site, NDArray x, Rows rows) {
        return calls.output(site, x, rows); // (N, D)
    }

    /**
     * What attention adds to every row where a key counts by the gate of its row: for learning, through gates, whose keys are
     * worth keeping (D-LLM, 2024). With gates of 0 and 1 it is attention over executing rows, to a millionth.
     *
     * @param site an attention module
     * @param gate (N), may carry a gradient
     * @param rows whole sequences
     */
    public NDArray weighed(ModuleSite site, NDArray x, NDArray gate, Rows rows) {
        return calls.weighed(site, x, gate, rows); // (N, D)
    }

    /** The rows from..to-1 of an array, which itself where those are all. */
    static NDArray slice(NDArray array, int from, int to) {
        boolean whole = from == 0 && to == array.getShape().get(0);
        return whole ? array : array.get(new NDIndex().addSliceDim(from, to));
    }

    /** Some rows of an array, copied. */
    NDArray take(NDArray array, NDArray index) {
        return calls.take(array, index);
    }

    /** Logits of some rows of the final stream: (n, V). */
    public NDArray logits(NDArray x) {
        try (WeightLease head = weights.takeHead()) {
            return program.call("head", x, weights.finalNorm(), head.arrays().get(0)); // (n, V)
        }
    }

    /**
     * Natural log-probability of a target after each row, and whether it is the most likely one.
     *
     * @param x (n, D) rows of the final stream
     * @param targets (n) int64 token ids
     * @return (n) fp32 and (n) bool
     */
    public NDList logLikelihood(NDArray x, NDArray targets) {
        try (WeightLease head = weights.takeHead()) {
            return program.callAll(
                    "log_likelihood",
                    x,
                    targets,
                    weights.finalNorm(),
                    head.arrays().get(0));
        }
    }
}
