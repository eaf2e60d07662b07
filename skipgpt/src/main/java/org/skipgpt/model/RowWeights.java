package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerArray;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.vector.RowFormat;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.RowMatrix;
import org.skipgpt.weights.Blocks;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.Stored;

/**
 * A decoder's weights as one row reads them in Java: where the engine holds them, so that what training
 * changes in place is read as it is.
 *
 * <p>Matrices are those in blocks where a model has them, else the plain ones, which stay from then on; where inference over many rows has put others into its kernels'
 * order, both are held ({@link RowRule#secondCopyBytes}).
 *
 * @param embedding (V, D)
 * @param head (V, D)
 * @param finalNorm D
 * @param layers L
 */
record RowWeights(RowMatrix embedding, RowMatrix head, FloatBuffer finalNorm, List<Layer> layers) {
    private static final FloatBuffer NONE = FloatBuffer.allocate(0);

    /** The modules of one layer. */
    record Layer(Attention attention, Mlp mlp) {}

    /**
     * Attention; arrays that a family does not have are empty.
     *
     * @param query (HE, D) with its bias, norm of a head or of all, and correction
     * @param keyValue (2GE, D)
     * @param out (D, HE)
     */
    record Attention(
            FloatBuffer norm,
            RowMatrix query,
            RowMatrix keyValue,
            RowMatrix out,
            FloatBuffer queryBias,
            FloatBuffer keyValueBias,
            FloatBuffer queryNorm,
            FloatBuffer keyNorm,
            FloatBuffer postNorm,
            List<LowRank> ofQuery,
            List<LowRank> ofKeyValue,
            List<LowRank> ofOut) {}

    /**
     * An MLP.
     *
     * @param gateUp (2F, D)
     * @param down (D, F)
     */
    record Mlp(
            FloatBuffer norm,
            RowMatrix gateUp,
            RowMatrix down,
            FloatBuffer postNorm,
            List<LowRank> ofGateUp,
            List<LowRank> ofDown) {}

    /**
     * What an adapter adds to some outputs of a product: scale B A x.
     *
     * @param at the first of them
     */
    record LowRank(RowMatrix a, RowMatrix b, int at, float scale) {}

    /** Reads the weights of a decoder that {@link RowRule} allows. */
    static RowWeights of(Decoder decoder, Optional<Adapter> adapter, RowKernels kernels) {
        Reader reader = new Reader(decoder, adapter, kernels);
        DecoderWeights weights = decoder.weights();
        RowMatrix embedding = reader.matrix(weights.storedEmbedding());
        RowMatrix head = weights.isTied() ? embedding : reader.matrix(weights.storedHead());
        List<Layer> layers = new ArrayList<>();
        for (int layer = 0; layer < decoder.config().layers(); layer++) {
            layers.add(new Layer(reader.attention(layer), reader.mlp(layer)));
        }
        return new RowWeights(embedding, head, reader.vector(weights.finalNorm()), List.copyOf(layers));
    }

    private static final class Reader {
        private final Decoder decoder;
        private final Optional<Adapter> adapter;
        private final RowKernels kernels;
        private final TorchProgram program;

        Reader(Decoder decoder, Optional<Adapter> adapter, RowKernels kernels) {
            this.decoder = decoder;
            this.adapter = adapter;
            this.kernels = kernels;
            this.program = decoder.program();
        }

        // The same numbers under a handle of their own, so that they stay whoever closes the array.
        private NDArray held(NDArray array) {
            NDArray held = program.call("in_order", array);
            held.attach(decoder.weights().manager());
            return held;
        }

        FloatBuffer vector(NDArray array) {
            return numbers(held(array)).asFloatBuffer();
        }

        FloatBuffer vector(Stored one) {
            return vector(one.array().orElseThrow());
        }

        RowMatrix matrix(Stored one) {
            if (one.blocks().isEmpty()) {
                return matrix(one.array().orElseThrow());
            }
            Blocks blocks = one.blocks().get();
            RowFormat format = RowFormat.valueOf(blocks.format().name());
            return kernels.matrix(numbers(held(blocks.bytes())), blocks.rows(), blocks.columns(), format);
        }

        RowMatrix matrix(NDArray array) {
            NDArray held = held(array);
            int rows = Math.toIntExact(held.getShape().get(0));
            int columns = Math.toIntExact(held.getShape().get(1));
            ByteBuffer bytes = numbers(held);
            boolean wide = held.getDataType() == DataType.FLOAT32;
            return kernels.matrix(bytes, rows, columns, wide ? RowFormat.FP32 : RowFormat.BF16);
        }

        private Map<LayerArray, Stored> arrays(int layer, ModuleKind module) {
            List<LayerArray> order = LayerTensors.order(decoder.config(), module);
            List<Stored> stored = decoder.weights().layers().get(layer).stored(module);
            Map<LayerArray, Stored> arrays = new EnumMap<>(LayerArray.class);
            for (int i = 0; i < order.size(); i++) {
                arrays.put(order.get(i), stored.get(i));
            }
            return arrays;
        }

        private FloatBuffer vector(Map<LayerArray, Stored> arrays, LayerArray which) {
            Stored one = arrays.get(which);
            return one == null ? NONE : vector(one);
        }

        private RowMatrix matrix(Map<LayerArray, Stored> arrays, LayerArray which) {
            return matrix(Objects.requireNonNull(arrays.get(which)));
        }

        Attention attention(int layer) {
            DecoderConfig c = decoder.config();
            Map<LayerArray, Stored> arrays = arrays(layer, ModuleKind.ATTENTION);
            int keys = c.kvWidth(layer);
            List<LowRank> ofKeyValue = new ArrayList<>(lowRank(layer, Projection.K, 0));
            ofKeyValue.addAll(lowRank(layer, Projection.V, keys));
            return new Attention(
                    vector(arrays, LayerArray.NORM),
                    matrix(arrays, LayerArray.QUERY),
                    matrix(arrays, LayerArray.KEY_VALUE),
                    matrix(arrays, LayerArray.OUT),
                    vector(arrays, LayerArray.QUERY_BIAS),
                    vector(arrays, LayerArray.KEY_VALUE_BIAS),
                    vector(arrays, LayerArray.QUERY_NORM),
                    vector(arrays, LayerArray.KEY_NORM),
                    vector(arrays, LayerArray.POST_NORM),
                    lowRank(layer, Projection.Q, 0),
                    List.copyOf(ofKeyValue),
                    lowRank(layer, Projection.O, 0));
        }

        Mlp mlp(int layer) {
            DecoderConfig c = decoder.config();
            Map<LayerArray, Stored> arrays = arrays(layer, ModuleKind.MLP);
            List<LowRank> ofGateUp = new ArrayList<>(lowRank(layer, Projection.GATE, 0));
            ofGateUp.addAll(lowRank(layer, Projection.UP, c.layer(layer).hidden()));
            return new Mlp(
                    vector(arrays, LayerArray.NORM),
                    matrix(arrays, LayerArray.GATE_UP),
                    matrix(arrays, LayerArray.DOWN),
                    vector(arrays, LayerArray.POST_NORM),
                    List.copyOf(ofGateUp),
                    lowRank(layer, Projection.DOWN, 0));
        }

        private List<LowRank> lowRank(int layer, Projection projection, int at) {
            if (adapter.isEmpty() || !adapter.get().targets().contains(projection)) {
                return List.of();
            }
            Adapter.Pair pair = adapter.get().pair(layer, projection);
            float scale = (float) adapter.get().scale();
            return List.of(new LowRank(matrix(pair.a()), matrix(pair.b()), at, scale));
        }
    }

    /** Numbers of an array where the engine holds them, in the machine's byte order; the array must outlive it. */
    static ByteBuffer numbers(NDArray array) {
        return array.toByteBuffer(true).order(ByteOrder.nativeOrder());
    }
}
