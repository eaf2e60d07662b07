package org.skipgpt.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.shape.Projection;
import org.skipgpt.shape.Rotation;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;
import org.skipgpt.weights.WeightLease;

/** What single modules compute: the program's methods with a module's own weights behind the activations. */
final class ModuleCalls {
    private final DecoderConfig config;
    private final DecoderWeights weights;
    private final Optional<Adapter> adapter;
    private final DecoderPrograms programs;
    // What reorders a layer's weights is never in inference mode: restored ones may be trained. Empty where they are
    // taken as they are.
    private final List<Optional<TorchProgram>> reordering;
    private final boolean streams;
    private final List<NDArray> windows;
    private final List<List<NDArray>> frequencies;
    private final List<Integer> rotationOfLayer;
    private final List<NDArray> nothing;
    private final Optional<Dropout> dropout;

    /** Calls into programs. */
    ModuleCalls(DecoderConfig config, DecoderWeights weights, Optional<Adapter> adapter, DecoderPrograms programs) {
        this.config = config;
        this.weights = weights;
        this.adapter = adapter;
        this.programs = programs;
        this.reordering = IntStream.range(0, config.layers())
                .mapToObj(layer -> Optional.of(programs.bases().get(layer))
                        .filter(program -> programs.reorders().get(layer)))
                .toList();
        this.streams = weights.stream().isPresent();
        this.windows = config.windows().stream()
                .map(w -> Torch.onCpu(weights.manager(), new long[] {w}, new long[0]))
                .toList();
        List<Rotation> rotations = config.kindsOfRotation();
        this.frequencies = weights.places()
                .each(
                        config.layers(),
                        owner -> rotations.stream()
                                .map(rotation ->
                                        owner.create(rotation.frequencies(config.headDim(), config.maxPositions())))
                                .toList());
        this.rotationOfLayer =
                config.rotations().stream().map(rotations::indexOf).toList();
        this.nothing = weights.places().each(config.layers(), owner -> owner.create(new Shape(0)));
        this.dropout = Optional.empty();
    }

    private ModuleCalls(ModuleCalls from, DecoderPrograms programs, Optional<Dropout> dropout) {
        this.config = from.config;
        this.weights = from.weights;
        this.adapter = from.adapter;
        this.programs = programs;
        this.reordering = from.reordering;
        this.streams = from.streams;
        this.windows = from.windows;
        this.frequencies = from.frequencies;
        this.rotationOfLayer = from.rotationOfLayer;
        this.nothing = from.nothing;
        this.dropout = dropout;
    }

    /** The same with dropout before the low-rank factors. */
    ModuleCalls withDropout(Dropout masks) {
        return new ModuleCalls(this, programs, Optional.of(masks));
    }

    /** The same in inference mode, see {@link TorchProgram#inference}. */
    ModuleCalls inference() {
        return new ModuleCalls(this, programs.inference(), dropout);
    }

    /** An array of one dimension without elements, where an argument of a layer's method says nothing. */
    NDArray nothing(int layer) {
        return nothing.get(layer);
    }

    DecoderConfig config() {
        return config;
    }

    Optional<Adapter> adapter() {
        return adapter;
    }

    DecoderPrograms programs() {
        return programs;
    }

    /** The matrix that the stream passes at a module, where there is one. */
    Optional<NDArray> shortcut(ModuleSite site) {
        return weights.layers().get(site.layer()).shortcut(site.module());
    }

    /** What a module's outputs are added to: the stream, or what its shortcut makes of it. */
    NDArray carried(ModuleSite site, NDArray x) {
        return shortcut(site).map(r -> programs.base().call("carry", x, r)).orElse(x); // (N, w')
    }

    /** Width of a layer's sliding window, 0 where it sees all; one int64 on the CPU. */
    NDArray window(int layer) {
        return windows.get(layer);
    }

    /** Where a layer computes. */
    Device device(int layer) {
        return weights.places().owner(layer).getDevice();
    }

    /** Rotary frequencies in radians a position, (E/2), of each rotation that layers have, at a layer's place. */
    List<NDArray> frequencies(int layer) {
        return frequencies.get(layer);
    }

    /** Which of them is each layer's; L. */
    List<Integer> rotationOfLayer() {
        return rotationOfLayer;
    }

    /** What a module adds to every row, f(x): (N, D). */
    NDArray output(ModuleSite site, NDArray x, Rows rows) {
        return every("attention", "mlp", site, x, rows); // (N, D)
    }

    /** Adds a module's outputs to every row, x + f(x): (N, D). */
    NDArray dense(ModuleSite site, NDArray x, Rows rows) {
        if (shortcut(site).isPresent()) {
            try (NDArray carried = carried(site, x);
                    NDArray f = output(site, x, rows)) {
                return carried.add(f); // (N, w')
            }
        }
        return every("attention_residual", "mlp_residual", site, x, rows); // (N, D)
    }

    private NDArray every(String attention, String mlp, ModuleSite site, NDArray x, Rows rows) {
        if (site.module() == ModuleKind.MLP) {
            return call(mlp, site, x); // (N, D)
        }
        return call(
                attention,
                site,
                x,
                rows.offsets(),
                rows.positions(),
                windows.get(site.layer()),
                rows.cos(site.layer()),
                rows.sin(site.layer())); // (N, D)
    }

    /**
     * Whether {@link #routed} computes this: a GPU in half precision, whole sequences that see all their past, keys and values
     * of every token, and no gradient.
     */
    boolean routesOnDevice(ModuleSite site, Rows rows, KvPolicy kv) {
        boolean half = programs.cacheBytes().get(site.layer()) == Short.BYTES;
        if (!half || Torch.recordsGradients() || shortcut(site).isPresent()) {
            return false;
        }
        boolean plain = rows.parents().length == 0 && config.windows().get(site.layer()) == 0;
        return site.module() == ModuleKind.MLP || (plain && kv != KvPolicy.EXECUTED);
    }

    /**
     * Adds a module's outputs to the rows whose gate is open; the gate stays on the device and the host waits once.
     *
     * @param gate (N)
     * @param most executing rows above which all are computed and gated
     * @return (N, D)
     */
    NDArray routed(ModuleSite site, NDArray x, NDArray gate, int most, Rows rows) {
        NDArray few = Torch.onCpu(x.getManager(), new long[] {most});
        return site.module() == ModuleKind.MLP
                ? call("mlp_routed", site, x, gate, few)
                : call(
                        "attention_routed",
                        site,
                        x,
                        gate,
                        few,
                        rows.offsets(),
                        rows.positions(),
                        windows.get(site.layer()),
                        rows.cos(site.layer()),
                        rows.sin(site.layer()));
    }

    /** Attention of every row over the keys of executing rows and its own: (N, D). */
    NDArray evicting(ModuleSite site, NDArray x, NDArray gate, Rows rows) {
        return call(
                "attention_evicting",
                site,
                x,
                gate,
                rows.offsets(),
                rows.positions(),
                windows.get(site.layer()),
                rows.cos(site.layer()),
                rows.sin(site.layer())); // (N, D)
    }

    /** Attention of every row, where a key counts by its row's gate: (N, D). */
    NDArray weighed(ModuleSite site, NDArray x, NDArray gate, Rows rows) {
        return call(
                "attention_weighed",
                site,
                x,
                gate,
                rows.offsets(),
                rows.positions(),
                windows.get(site.layer()),
                rows.cos(site.layer()),
                rows.sin(site.layer())); // (N, D)
    }

    /** Calls a method of the program with a site's weights behind the given arguments. */
    NDArray call(String method, ModuleSite site, NDArray first, NDArray... more) {
        LayerWeights layer = weights.layers().get(site.layer());
        if (programs.graph() && layer.isInBlocks()) {
            // A graph holds what it was given, so blocks are widened once and stay.
            return called(method, site, layer.of(site.module()), first, more);
        }
        try (WeightLease lease = layer.take(site.module(), reordering.get(site.layer()))) {
            return called(method, site, lease.arrays(), first, more);
        }
    }

    /**
     * Says which modules this thread will surely call next, in their order, so that streamed weights are read ahead; closed when
     * the calls are over.
     */
    DecoderWeights.Expectation expect(Predicate<ModuleSite> sure) {
        return streams ? expect(config.sites().stream().filter(sure).toList()) : () -> {};
    }

    /** The same in another order than that of the forward pass. */
    DecoderWeights.Expectation expect(List<ModuleSite> sites) {
        // Streamed layers are computed where the model's other weights lie, all of them alike.
        boolean reorders = sites.stream()
                .filter(site -> weights.layers().get(site.layer()).isStreamed())
                .anyMatch(site -> reordering.get(site.layer()).isPresent());
        return weights.expect(sites, reorders);
    }

    private NDArray called(String method, ModuleSite site, List<NDArray> own, NDArray first, NDArray... more) {
        int pairs = adapter.map(a -> (int) a.targets().stream()
                        .filter(p -> p.module() == site.module())
                        .count())
                .orElse(0);
        NDArray[] arguments = Arrays.copyOf(more, more.length + own.size() + 3 * pairs);
        int at = more.length;
        for (NDArray weight : own) {
            arguments[at++] = weight;
        }
        if (pairs > 0) {
            for (Projection p : Projection.values()) {
                if (p.module() == site.module() && adapter.get().targets().contains(p)) {
                    Adapter.Pair pair = adapter.get().pair(site.layer(), p);
                    arguments[at++] = dropout.map(d -> Gradients.times(first.getManager(), pair.a(), d.scale()))
                            .orElse(pair.a()); // (R, I)
                    arguments[at++] = pair.b();
                    arguments[at++] = dropped(method, site.layer(), p, first, more);
                }
            }
        }
        return programs.ofLayers().get(site.layer()).call(method, first, arguments);
    }

    private NDArray dropped(String method, int layer, Projection p, NDArray first, NDArray[] more) {
        if (dropout.isEmpty()) {
            return nothing.get(layer);
        }
        // Only queries and outputs of executing rows are computed; keys and values are those of all rows.
        boolean some = method.equals("mlp_packed")
                || (method.equals("attention_packed") && (p == Projection.Q || p == Projection.O));
        long rows = some ? more[0].getShape().get(0) : first.getShape().get(0);
        return dropout.get().mask(layer, p, first, rows, p.inputs(config, layer));
    }

    /** What attention adds to some rows, over the keys of all: (n, D). */
    NDArray someOutputs(ModuleSite site, NDArray x, Rows rows, RowSet set) {
        return call(
                "attention_packed",
                site,
                x,
                set.index(),
                set.offsets(),
                set.positions(),
                rows.offsets(),
                rows.positions(),
                windows.get(site.layer()),
                rows.cos(site.layer()),
                rows.sin(site.layer())); // (n, D)
    }

    /** Some rows of an array, copied; the engine's own indexing costs twice as much. */
    NDArray take(NDArray array, NDArray index) {
        return programs.base().call("take", array, index);
    }

    /**
     * Adds the outputs of the rows that execute, each by its weight: (N, D).
     *
     * @param carried what they are added to
     * @param set the rows that the decision executes
     */
    NDArray packed(ModuleSite site, NDArray x, NDArray carried, Rows rows, RowSet set, KvPolicy kv, Decision decision) {
        if (site.module() == ModuleKind.MLP) {
            return decision.isWeighted() || carried != x
                    ? scattered(carried, set, decision, call("mlp", site, take(x, set.index())))
                    : call("mlp_packed", site, x, set.index()); // (N, D)
        }
        NDArray f = kv == KvPolicy.EXECUTED
                ? amongThemselves(site, x, rows, set)
                : someOutputs(site, x, rows, set); // (n, D)
        return scattered(carried, set, decision, f); // (N, D)
    }

    /** Adds outputs (n, D) of some rows to the stream, each by its weight; consumes them: (N, D). */
    NDArray scattered(NDArray x, RowSet set, Decision decision, NDArray f) {
        try (f) {
            return decision.isWeighted()
                    ? programs.base().call("scatter_weighted", x, set.index(), f, decision.gate())
                    : programs.base().call("scatter", x, set.index(), f); // (N, D)
        }
    }

    /** What attention adds to some rows, over the keys of those rows alone: (n, D). */
    private NDArray amongThemselves(ModuleSite site, NDArray x, Rows rows, RowSet set) {
        try (NDArray chosen = take(x, set.index()); // (n, D)
                NDArray cos = take(rows.cos(site.layer()), set.index());
                NDArray sin = take(rows.sin(site.layer()), set.index())) {
            return call(
                    "attention",
                    site,
                    chosen,
                    set.offsets(),
                    set.positions(),
                    windows.get(site.layer()),
                    cos,
                    sin); // (n, D)
        }
    }
}
