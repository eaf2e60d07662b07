package org.skipgpt.model;

import java.nio.FloatBuffer;
import java.util.List;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.vector.Crew;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.RowMatrix;

/**
 * What single modules compute for one row, as the decoder's TorchScript has it: D model width, H and G query and key heads
 * of width E.
 *
 * <p>Every product is shared between the crew's threads; what lies between two products is too short for that, but for the
 * heads of attention and the MLP's activation.
 */
final class RowModules {
    /** Numbers behind the scores that the kernels may write to. */
    private static final int SPARE_SCORES = 64;

    private static final float[] NONE = {};
    private static final FloatBuffer NOTHING = FloatBuffer.allocate(0);

    private final DecoderConfig config;
    private final RowKernels kernels;
    private final RowKernels.Activation activation;
    private final float[] normed;
    private final float[] added;
    private final float[] query;
    private final float[] keyValue;
    private final float[] attended;
    private final float[] between;
    private final float[][] scores;

    RowModules(DecoderConfig config, RowKernels kernels) {
        this.config = config;
        this.kernels = kernels;
        this.activation = config.geluMlp() ? RowKernels.Activation.GELU_TANH : RowKernels.Activation.SILU;
        int heads = 0;
        int keyHeads = 0;
        int hidden = 0;
        for (int layer = 0; layer < config.layers(); layer++) {
            heads = Math.max(heads, config.layer(layer).heads());
            keyHeads = Math.max(keyHeads, config.layer(layer).kvHeads());
            hidden = Math.max(hidden, config.layer(layer).hidden());
        }
        this.normed = new float[config.width()];
        this.added = new float[config.width()];
        this.query = new float[heads * config.headDim()];
        this.keyValue = new float[2 * keyHeads * config.headDim()];
        this.attended = new float[heads * config.headDim()];
        this.between = new float[hidden];
        this.scores = new float[heads][0];
    }

    /**
     * Puts a row's key and value into the cache.
     *
     * @param x D, the row
     * @param cos E cosines of its position begin at {@code angle}, and so do its sines
     * @param place which key of the sequence it becomes
     */
    void store(
            Crew.Turn turn,
            int layer,
            RowWeights.Attention w,
            float[] x,
            float[] cos,
            float[] sin,
            int angle,
            RowCache cache,
            int place) {
        enter(x, w.norm());
        float[] plus =
                plus(w.keyValueBias(), w.ofKeyValue(), normed, w.keyValue().rows());
        product(turn, w.keyValue(), normed, plus, keyValue);
        put(layer, w, cos, sin, angle, cache, place);
    }

    private void put(
            int layer, RowWeights.Attention w, float[] cos, float[] sin, int angle, RowCache cache, int place) {
        int width = config.headDim();
        int heads = config.layer(layer).kvHeads();
        FloatBuffer keyNorm = ofHeads(keyValue, w.keyNorm());
        for (int head = 0; head < heads; head++) {
            turned(keyValue, head * width, keyNorm, cos, sin, angle);
        }
        cache.put(keyValue, heads, place);
    }

    /**
     * What attention adds to a row that attends; its own key and value go into the cache.
     *
     * @param place which key of the sequence it becomes
     * @param low the first key it sees; it sees all from there on
     * @return D numbers, kept until the next module
     */
    float[] attention(
            Crew.Turn turn,
            int layer,
            RowWeights.Attention w,
            float[] x,
            float[] cos,
            float[] sin,
            RowCache cache,
            int place,
            int low) {
        enter(x, w.norm());
        float[] queryPlus = plus(w.queryBias(), w.ofQuery(), normed, w.query().rows());
        float[] keyPlus =
                plus(w.keyValueBias(), w.ofKeyValue(), normed, w.keyValue().rows());
        int parts = w.query().parts();
        turn.run(parts + w.keyValue().parts(), part -> {
            if (part < parts) {
                part(w.query(), normed, queryPlus, query, part);
            } else {
                part(w.keyValue(), normed, keyPlus, keyValue, part - parts);
            }
        });
        put(layer, w, cos, sin, 0, cache, place);
        FloatBuffer queryNorm = ofHeads(query, w.queryNorm());
        LayerShape shape = config.layer(layer);
        int width = config.headDim();
        int count = place + 1 - low;
        int group = shape.heads() / shape.kvHeads();
        turn.run(shape.heads(), head -> {
            if (scores[head].length < count + SPARE_SCORES) {
                scores[head] = new float[2 * count + SPARE_SCORES];
            }
            turned(query, head * width, queryNorm, cos, sin, 0);
            kernels.attend(
                    query,
                    head,
                    width,
                    cache.keys(),
                    cache.values(),
                    cache.number(head / group, low),
                    count,
                    (float) config.attentionScale(),
                    (float) config.attentionSoftcap(),
                    scores[head],
                    attended);
        });
        product(turn, w.out(), attended, plus(NOTHING, w.ofOut(), attended, added.length), added);
        return ended(w.postNorm());
    }

    /** What the MLP adds to a row: D numbers, kept until the next module. */
    float[] mlp(Crew.Turn turn, RowWeights.Mlp w, float[] x) {
        enter(x, w.norm());
        RowMatrix both = w.gateUp();
        float[] plus = plus(NOTHING, w.ofGateUp(), normed, both.rows());
        int hidden = w.down().columns();
        int rows = Math.max(1, both.partRows() / 2);
        turn.run((hidden + rows - 1) / rows, part -> {
            int from = part * rows;
            kernels.gated(both, activation, normed, plus, between, from, Math.min(hidden, from + rows));
        });
        product(turn, w.down(), between, plus(NOTHING, w.ofDown(), between, added.length), added);
        return ended(w.postNorm());
    }

    /** Logits of the token behind a row that has passed all layers: V. */
    float[] head(Crew.Turn turn, RowWeights weights, float[] x) {
        norm(x, weights.finalNorm(), normed);
        float[] logits = new float[weights.head().rows()];
        product(turn, weights.head(), normed, NONE, logits);
        if (config.headSoftcap() > 0) {
            kernels.cap(logits, (float) config.headSoftcap(), 0, logits.length);
        }
        return logits;
    }

    private float[] ended(FloatBuffer postNorm) {
        if (postNorm.capacity() > 0) {
            norm(added, postNorm, added);
        }
        return added;
    }

    private void product(Crew.Turn turn, RowMatrix w, float[] x, float[] plus, float[] out) {
        turn.run(w.parts(), part -> part(w, x, plus, out, part));
    }

    private void part(RowMatrix w, float[] x, float[] plus, float[] out, int part) {
        int from = part * w.partRows();
        kernels.product(w, x, plus, out, from, Math.min(w.rows(), from + w.partRows()));
    }

    /** A bias and what an adapter adds; empty where there is neither. */
    private float[] plus(FloatBuffer bias, List<RowWeights.LowRank> corrections, float[] x, int outputs) {
        if (corrections.isEmpty() && bias.capacity() == 0) {
            return NONE;
        }
        float[] sum = new float[outputs];
        bias.get(0, sum, 0, bias.capacity());
        for (RowWeights.LowRank correction : corrections) {
            float[] narrow = new float[correction.a().rows()]; // R
            kernels.product(correction.a(), x, NONE, narrow, 0, narrow.length);
            float[] wide = new float[correction.b().rows()];
            kernels.product(correction.b(), narrow, NONE, wide, 0, wide.length);
            for (int i = 0; i < wide.length; i++) {
                sum[correction.at() + i] += correction.scale() * wide[i];
            }
        }
        return sum;
    }

    /** What a module makes its products of. */
    private void enter(float[] x, FloatBuffer w) {
        if (w.capacity() > 0) {
            norm(x, w, normed);
        } else {
            System.arraycopy(x, 0, normed, 0, x.length);
        }
    }

    /** x / sqrt(mean(x^2) + eps) * w; out may be x. */
    private void norm(float[] x, FloatBuffer w, float[] out) {
        scaled(x, 0, w, out);
    }

    /** The norm of single heads; where it is one of all heads together, they are normed here. */
    private FloatBuffer ofHeads(float[] x, FloatBuffer w) {
        if (!config.wideQkNorm()) {
            return w;
        }
        norm(x, w, x);
        return NOTHING;
    }

    private void scaled(float[] x, int at, FloatBuffer w, float[] out) {
        int width = w.capacity();
        double mean = kernels.squares(x, at, width) / width;
        float scale = (float) (1 / Math.sqrt(mean + config.normEps()));
        for (int i = 0; i < width; i++) {
            out[at + i] = x[at + i] * scale * w.get(i);
        }
    }

    /** One head's numbers from {@code at} on, normed where the family does so, turned by their position, in place. */
    private void turned(float[] x, int at, FloatBuffer norm, float[] cos, float[] sin, int angle) {
        if (norm.capacity() > 0) {
            scaled(x, at, norm, x);
        }
        int width = config.headDim();
        int step = config.ropeInterleaved() ? 1 : width / 2;
        for (int pair = 0; pair < width / 2; pair++) {
            int i = config.ropeInterleaved() ? 2 * pair : pair;
            float a = x[at + i];
            float b = x[at + i + step];
            x[at + i] = a * cos[angle + i] + b * sin[angle + i];
            x[at + i + step] = b * cos[angle + i + step] + a * sin[angle + i + step];
        }
    }

    /** An embedding as it enters the first layer. */
    void embed(RowWeights weights, int token, float[] out) {
        weights.embedding().read(token, out);
        if (config.embedScale() != 1) {
            for (int i = 0; i < out.length; i++) {
                out[i] *= (float) config.embedScale();
            }
        }
    }

    /** x + weight f. */
    static void add(float[] x, float[] f, float weight) {
        for (int i = 0; i < x.length; i++) {
            x[i] += weight * f[i];
        }
    }
}
