package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.vector.Crew;
import org.skipgpt.vector.RowKernels;

/**
 * A pass over one new token, computed in Java from the weights where they lie; equal to {@link CachedDecoder}'s up to rounding.
 *
 * <p>Its loop over layers is its own, beside {@link LayerRun}'s: the stream is numbers in one Java array that modules add to in place, not
 * an array of the engine that each layer hands on.
 *
 * <p>Decisions are the policy's own: it is asked with the row's numbers where it knows how to ({@link LayerPolicy#ofOneRow}), else with
 * arrays as in every pass. A module that the row skips reads no weights, but for those of its key and value under KEEP. The
 * cache is the engine's: passes of many rows and of one may follow each other in any order.
 */
final class RowStep {
    /** Told of every module that the row executes. */
    @FunctionalInterface
    interface Counter {
        void executed(ModuleSite site);
    }

    private final Decoder decoder;
    private final LayerPolicy policy;
    private final Optional<RowPolicy> alone;
    private final KvPolicy kv;
    private final KvCache cache;
    private final RowWeights weights;
    private final RowKernels kernels;
    private final RowModules modules;
    private final Crew crew;
    private final @Nullable RowCache[] caches;
    private final float[] x;
    private final float[] layerInput;

    RowStep(Decoder decoder, LayerPolicy policy, KvCache cache, RowWeights weights, RowKernels kernels, Crew crew) {
        this.decoder = decoder;
        this.policy = policy;
        this.alone = policy.ofOneRow(kernels);
        this.kv = policy.kvPolicy();
        this.cache = cache;
        this.weights = weights;
        this.kernels = kernels;
        this.modules = new RowModules(decoder.config(), kernels);
        this.crew = crew;
        this.caches = new @Nullable RowCache[decoder.config().layers()];
        this.x = new float[decoder.config().width()];
        this.layerInput = new float[x.length];
    }

    /** A residual stream as an array, whose numbers Java writes; made when first needed. */
    private static final class Residual {
        private final NDManager scope;
        private @Nullable NDArray array;
        private FloatBuffer numbers = FloatBuffer.allocate(0);

        Residual(NDManager scope) {
            this.scope = scope;
        }

        NDArray set(float[] x) {
            NDArray made = array;
            if (made == null) {
                made = scope.zeros(new Shape(1, x.length));
                numbers = RowWeights.numbers(made).asFloatBuffer();
                array = made;
            }
            numbers.put(0, x);
            return made;
        }
    }

    /** One pass: its row, and the arrays that a policy is asked with. */
    private static final class Pass {
        final Rows rows;
        final Crew.Turn turn;
        final Counter counter;
        final Residual entered;
        final Residual middle;
        final Residual left;

        Pass(Rows rows, Crew.Turn turn, Counter counter) {
            NDManager scope = rows.ids().getManager();
            this.rows = rows;
            this.turn = turn;
            this.counter = counter;
            this.entered = new Residual(scope);
            this.middle = new Residual(scope);
            this.left = new Residual(scope);
        }
    }

    /**
     * Runs all layers and puts keys and values into the cache.
     *
     * @param rows one new row
     * @return the stream that enters the final norm, (1, D)
     */
    NDArray forward(Rows rows, Counter counter) {
        List<float[]> cosines = numbers(rows.angles().cos()); // E each
        List<float[]> sines = numbers(rows.angles().sin()); // E each
        modules.embed(weights, rows.tokens()[0], x);
        try (Crew.Turn turn = crew.begin()) {
            Pass pass = new Pass(rows, turn, counter);
            for (int layer = 0; layer < weights.layers().size(); layer++) {
                System.arraycopy(x, 0, layerInput, 0, x.length);
                ModuleSite site = new ModuleSite(layer, ModuleKind.ATTENTION);
                if (policy.isDropped(site)) {
                    passed(pass, site);
                } else {
                    int rotation = rows.angles().ofLayer().get(layer);
                    attention(pass, site, cosines.get(rotation), sines.get(rotation));
                }
                mlp(pass, new ModuleSite(layer, ModuleKind.MLP));
                leave(pass, layer);
            }
            return pass.left.set(x); // (1, D)
        }
    }

    /** What the row does with a module. */
    private float weight(Pass pass, ModuleSite site) {
        Rows rows = pass.rows;
        if (alone.isPresent()) {
            float weight = alone.get().weight(site, x, layerInput, rows.tokens()[0], rows.at()[0]);
            return Decision.checked(weight, 0);
        }
        boolean first = site.module() == ModuleKind.ATTENTION;
        NDArray in = pass.entered.set(layerInput); // (1, D)
        return policy.decide(site, first ? in : pass.middle.set(x), in, rows).weight(0);
    }

    /** What the policy gives a row that skips. */
    private void passed(Pass pass, ModuleSite site) {
        if (alone.isPresent()) {
            return; // such a row stays as it is
        }
        boolean first = site.module() == ModuleKind.ATTENTION;
        NDArray in = (first ? pass.entered : pass.middle).set(x); // (1, D)
        NDArray out = policy.passing(site, in, in, Decision.none()); // (1, D)
        if (out != in) {
            System.arraycopy(out.toFloatArray(), 0, x, 0, x.length);
        }
    }

    private void leave(Pass pass, int layer) {
        if (alone.isPresent()) {
            return; // the stream stays as it is
        }
        NDArray made = pass.left.set(x); // (1, D)
        NDArray left = policy.leaving(layer, pass.entered.set(layerInput), made); // (1, D)
        if (left != made) {
            System.arraycopy(left.toFloatArray(), 0, x, 0, x.length);
        }
    }

    private static List<float[]> numbers(List<NDArray> arrays) {
        return arrays.stream().map(NDArray::toFloatArray).toList();
    }

    /** Logits behind the row of the last pass: V. */
    float[] logits() {
        return logits(x);
    }

    /** Logits behind a row of the stream that has passed all layers: V. */
    float[] logits(float[] row) {
        try (Crew.Turn turn = crew.begin()) {
            return modules.head(turn, weights, row);
        }
    }

    private void mlp(Pass pass, ModuleSite site) {
        float weight = weight(pass, site);
        if (weight == 0) {
            passed(pass, site);
            return;
        }
        pass.counter.executed(site);
        float[] f = modules.mlp(pass.turn, weights.layers().get(site.layer()).mlp(), x); // D
        RowModules.add(x, f, weight);
    }

    private void attention(Pass pass, ModuleSite site, float[] cos, float[] sin) {
        float weight = weight(pass, site);
        KvCache.Layer layer = cache.layer(site.layer());
        if (weight == 0) {
            skip(pass, site, layer, cos, sin);
            passed(pass, site);
            return;
        }
        pass.counter.executed(site);
        Rows rows = pass.rows;
        int sequence = rows.sequenceOf(0);
        KvCache.Pending waiting = layer.pending(sequence);
        RowCache held = room(site.layer(), layer, rows, waiting.count() + 1);
        int place = layer.lengths()[sequence] - 1;
        storeWaiting(pass.turn, site.layer(), held, waiting, place - waiting.count());
        held.count(place, rows.at()[0]);
        int low = held.firstSeen(
                place + 1, rows.at()[0], decoder.config().windows().get(site.layer()));
        RowWeights.Attention own = weights.layers().get(site.layer()).attention();
        float[] f = modules.attention(pass.turn, site.layer(), own, x, cos, sin, held, place, low); // D
        if (waiting.count() > 0) {
            waiting.clear();
        }
        RowModules.add(x, f, weight);
    }

    /** Leaves behind what the policy wants of a row that does not attend. */
    private void skip(Pass pass, ModuleSite site, KvCache.Layer layer, float[] cos, float[] sin) {
        if (kv == KvPolicy.EXECUTED) {
            return;
        }
        Rows rows = pass.rows;
        int sequence = rows.sequenceOf(0);
        KvCache.Pending waiting = layer.pending(sequence);
        int[] ends = layer.ripe(rows);
        if (kv == KvPolicy.DEFERRED && ends[sequence] == rows.starts()[sequence]) {
            layer.leave(pass.entered.set(x), rows, ends);
            return;
        }
        RowCache held = room(site.layer(), layer, rows, waiting.count() + 1);
        int place = layer.lengths()[sequence] - 1;
        storeWaiting(pass.turn, site.layer(), held, waiting, place - waiting.count());
        RowWeights.Attention own = weights.layers().get(site.layer()).attention();
        modules.store(pass.turn, site.layer(), own, x, cos, sin, 0, held, place);
        held.count(place, rows.at()[0]);
        if (waiting.count() > 0) {
            waiting.clear();
        }
    }

    private void storeWaiting(Crew.Turn turn, int layer, RowCache held, KvCache.Pending waiting, int first) {
        if (waiting.count() == 0) {
            return;
        }
        RowWeights.Attention own = weights.layers().get(layer).attention();
        int[] positions = waiting.positions();
        int width = decoder.config().headDim();
        try (NDManager scope = cache.manager().newSubManager()) {
            NDList angles = decoder.angles(layer, Torch.onCpu(scope, Rows.wide(positions)));
            float[] cos = angles.get(0).toFloatArray(); // m * E
            float[] sin = angles.get(1).toFloatArray();
            int row = 0;
            for (NDArray piece : waiting.pieces()) {
                float[] flat = piece.toFloatArray(); // m * D
                for (int at = 0; at < flat.length; at += x.length, row++) {
                    float[] one = Arrays.copyOfRange(flat, at, at + x.length);
                    modules.store(turn, layer, own, one, cos, sin, row * width, held, first + row);
                    held.count(first + row, positions[row]);
                }
            }
        }
    }

    /** The sequence's cache at a layer, with room for more keys, which count as there. */
    private RowCache room(int index, KvCache.Layer layer, Rows rows, int more) {
        int sequence = rows.sequenceOf(0);
        int[] counts = new int[rows.sequences()];
        counts[sequence] = more;
        List<NDArray> arrays = layer.append(counts);
        RowCache known = caches[index];
        if (known != null && known.looksAt(arrays, sequence)) {
            return known;
        }
        RowCache fresh = new RowCache(arrays, sequence, kernels);
        caches[index] = fresh;
        return fresh;
    }
}
