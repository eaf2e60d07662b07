package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.vector.Crew;
import org.skipgpt.vector.RowKernels;

/**
 * A pass over one new token, computed in Java from the weights where they lie; equal to {@link CachedDecoder}'s up to rounding.
 *
 * <p>Decisions are the policy's own, asked with arrays as in every pass. A module that the row skips reads no weights, but for
 * those of its key and value under KEEP. The cache is the engine's: passes of many rows and of one may follow each other in
 * any order.
 */
final class RowStep {
    /** Told of every module that the row executes. */
    @FunctionalInterface
    interface Counter {
        void executed(ModuleSite site);
    }

    private final Decoder decoder;
    private final LayerPolicy policy;
    private final KvPolicy kv;
    private final KvCache cache;
    private final RowWeights weights;
    private final RowKernels kernels;
    private final RowModules modules;
    private final Crew crew;
    private final @Nullable RowCache[] caches;
    private final float[] x;

    RowStep(Decoder decoder, LayerPolicy policy, KvCache cache, RowWeights weights, RowKernels kernels, Crew crew) {
        this.decoder = decoder;
        this.policy = policy;
        this.kv = policy.kvPolicy();
        this.cache = cache;
        this.weights = weights;
        this.kernels = kernels;
        this.modules = new RowModules(decoder.config(), kernels);
        this.crew = crew;
        this.caches = new @Nullable RowCache[decoder.config().layers()];
        this.x = new float[decoder.config().width()];
    }

    /** A residual stream as an array, whose numbers Java writes. */
    private record Residual(NDArray array, FloatBuffer numbers) {
        static Residual of(NDManager scope, int width) {
            NDArray array = scope.zeros(new Shape(1, width));
            return new Residual(array, RowWeights.numbers(array).asFloatBuffer());
        }

        NDArray set(float[] x) {
            numbers.put(0, x);
            return array;
        }
    }

    /**
     * Runs all layers and puts keys and values into the cache.
     *
     * @param rows one new row
     * @return the stream that enters the final norm, (1, D)
     */
    NDArray forward(Rows rows, Counter counter) {
        NDManager scope = rows.ids().getManager();
        Residual entered = Residual.of(scope, x.length);
        Residual middle = Residual.of(scope, x.length);
        Residual left = Residual.of(scope, x.length);
        List<float[]> cosines = numbers(rows.angles().cos()); // E each
        List<float[]> sines = numbers(rows.angles().sin()); // E each
        modules.embed(weights, rows.tokens()[0], x);
        NDArray last = entered.set(x); // (1, D)
        try (Crew.Turn turn = crew.begin()) {
            for (int layer = 0; layer < weights.layers().size(); layer++) {
                NDArray in = entered.set(x); // (1, D)
                ModuleSite site = new ModuleSite(layer, ModuleKind.ATTENTION);
                if (policy.isDropped(site)) {
                    pass(site, in, Decision.none());
                } else {
                    int rotation = rows.angles().ofLayer().get(layer);
                    attention(turn, site, in, rows, cosines.get(rotation), sines.get(rotation), counter);
                }
                mlp(turn, new ModuleSite(layer, ModuleKind.MLP), middle.set(x), in, rows, counter);
                NDArray made = left.set(x); // (1, D)
                last = policy.leaving(layer, in, made); // (1, D)
                if (last != made) {
                    System.arraycopy(last.toFloatArray(), 0, x, 0, x.length);
                }
            }
        }
        return last;
    }

    private static List<float[]> numbers(List<NDArray> arrays) {
        return arrays.stream().map(NDArray::toFloatArray).toList();
    }

    /** Logits behind the row of the last pass: V. */
    float[] logits() {
        try (Crew.Turn turn = crew.begin()) {
            return modules.head(turn, weights, x);
        }
    }

    private void mlp(Crew.Turn turn, ModuleSite site, NDArray array, NDArray layerInput, Rows rows, Counter counter) {
        Decision decision = policy.decide(site, array, layerInput, rows);
        float weight = decision.weight(0);
        if (weight == 0) {
            pass(site, array, decision);
            return;
        }
        counter.executed(site);
        float[] f = modules.mlp(turn, weights.layers().get(site.layer()).mlp(), x); // D
        RowModules.add(x, f, weight);
    }

    /** What the policy gives a row that skips. */
    private void pass(ModuleSite site, NDArray array, Decision decision) {
        NDArray left = policy.passing(site, array, array, decision); // (1, D)
        if (left != array) {
            System.arraycopy(left.toFloatArray(), 0, x, 0, x.length);
        }
    }

    private void attention(
            Crew.Turn turn, ModuleSite site, NDArray array, Rows rows, float[] cos, float[] sin, Counter counter) {
        Decision decision = policy.decide(site, array, array, rows);
        float weight = decision.weight(0);
        KvCache.Layer layer = cache.layer(site.layer());
        int sequence = rows.sequenceOf(0);
        if (weight == 0) {
            skip(turn, site, layer, array, rows, cos, sin);
            pass(site, array, decision);
            return;
        }
        counter.executed(site);
        KvCache.Pending waiting = layer.pending(sequence);
        RowCache held = room(site.layer(), layer, rows, waiting.count() + 1);
        int place = layer.lengths()[sequence] - 1;
        storeWaiting(turn, site.layer(), held, waiting, place - waiting.count());
        held.count(place, rows.at()[0]);
        int low = held.firstSeen(
                place + 1, rows.at()[0], decoder.config().windows().get(site.layer()));
        RowWeights.Attention own = weights.layers().get(site.layer()).attention();
        float[] f = modules.attention(turn, site.layer(), own, x, cos, sin, held, place, low); // D
        if (waiting.count() > 0) {
            waiting.clear();
        }
        RowModules.add(x, f, weight);
    }

    /** Leaves behind what the policy wants of a row that does not attend. */
    private void skip(
            Crew.Turn turn, ModuleSite site, KvCache.Layer layer, NDArray array, Rows rows, float[] cos, float[] sin) {
        if (kv == KvPolicy.EXECUTED) {
            return;
        }
        int sequence = rows.sequenceOf(0);
        KvCache.Pending waiting = layer.pending(sequence);
        int[] ends = layer.ripe(rows);
        if (kv == KvPolicy.DEFERRED && ends[sequence] == rows.starts()[sequence]) {
            layer.leave(array, rows, ends);
            return;
        }
        RowCache held = room(site.layer(), layer, rows, waiting.count() + 1);
        int place = layer.lengths()[sequence] - 1;
        storeWaiting(turn, site.layer(), held, waiting, place - waiting.count());
        RowWeights.Attention own = weights.layers().get(site.layer()).attention();
        modules.store(turn, site.layer(), own, x, cos, sin, 0, held, place);
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
