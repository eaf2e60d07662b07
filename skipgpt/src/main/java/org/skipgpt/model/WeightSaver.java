package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.skipgpt.data.Tokenizer;
import org.skipgpt.io.HuggingFaceWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.InUse;

/**
 * Writes a decoder as a Hugging Face folder that other tools load: fused arrays are cut back into named tensors.
 *
 * <p>Norm weights stay fp32; matrices are rounded to the wanted type, to nearest even. Rows of a llama2.c model's query
 * and key matrices are put into the order in which Hugging Face rotates them: within a head of width E, row i and row
 * i + E/2 instead of rows 2i and 2i+1.
 */
public final class WeightSaver {
    private final DecoderConfig config;
    private final DecoderWeights weights;
    private final Dtype dtype;
    private final List<Part> parts = new ArrayList<>();

    /**
     * A stored tensor: some elements of an array in memory.
     *
     * @param rotated whether its rows are those of heads that RoPE rotates
     */
    private record Part(TensorInfo info, NDArray array, long from, boolean minusOne, boolean rotated) {}

    private WeightSaver(DecoderConfig config, DecoderWeights weights, Dtype dtype) {
        this.config = config;
        this.weights = weights;
        this.dtype = dtype;
    }

    /**
     * Writes a folder.
     *
     * @param dtype stored type of matrices: FP32 or BF16
     * @param tokenizer names the beginning and end marks
     * @param files folder whose tokenizer files are copied beside the weights
     */
    public static void save(
            DecoderConfig config, DecoderWeights weights, Dtype dtype, Tokenizer tokenizer, Path files, Path folder) {
        if (dtype == Dtype.FP16) {
            throw new IllegalArgumentException("weights are stored as fp32 or bf16; fp16 would overflow: use bf16");
        }
        try (InUse.Hold held = InUse.of(weights.manager()).hold()) {
            LanguageModel.checkOpen(weights);
            write(config, weights, dtype, tokenizer, files, folder);
        }
    }

    // The end mark first, then what else ends a text: several are written as a list, as transformers reads them.
    private static Optional<JsonElement> ends(Tokenizer tokenizer) {
        Set<Integer> all = new LinkedHashSet<>();
        tokenizer.eos().ifPresent(all::add);
        tokenizer.ends().stream().sorted().forEach(all::add);
        if (all.size() < 2) {
            return all.stream().findFirst().map(JsonPrimitive::new);
        }
        JsonArray list = new JsonArray();
        all.forEach(list::add);
        return Optional.of(list);
    }

    private static void write(
            DecoderConfig config, DecoderWeights weights, Dtype dtype, Tokenizer tokenizer, Path files, Path folder) {
        WeightSaver saver = new WeightSaver(config, weights, dtype);
        saver.plan();
        JsonObject json = ConfigJson.write(config);
        // The rows are reordered below, so what is stored rotates halves as every Hugging Face folder does.
        json.remove("rope_interleaved");
        json.addProperty("torch_dtype", dtype == Dtype.BF16 ? "bfloat16" : "float32");
        tokenizer.bos().ifPresent(id -> json.addProperty("bos_token_id", id));
        ends(tokenizer).ifPresent(ids -> json.add("eos_token_id", ids));
        List<TensorInfo> infos = saver.parts.stream().map(Part::info).toList();
        try (HuggingFaceWriter out = HuggingFaceWriter.create(folder, json, infos)) {
            saver.write(out);
            out.copyTokenizer(files);
            out.finish();
        }
    }

    private void plan() {
        matrix(
                "model.embed_tokens.weight",
                weights.embedding(),
                0,
                config.vocabulary(),
                config.layer(0).width());
        for (int i = 0; i < config.layers(); i++) {
            String prefix = "model.layers." + i + ".";
            LayerWeights layer = weights.layers().get(i);
            attention(i, prefix, layer.attention());
            mlp(i, prefix, layer.mlp());
            layer.shortcut(ModuleKind.ATTENTION).ifPresent(r -> shortcut(prefix + WeightLoader.ATTENTION_SHORTCUT, r));
            layer.shortcut(ModuleKind.MLP).ifPresent(r -> shortcut(prefix + WeightLoader.MLP_SHORTCUT, r));
        }
        vector("model.norm.weight", weights.finalNorm(), 0, config.width(), true);
        if (!config.tiedHead()) {
            matrix("lm_head.weight", weights.head(), 0, config.vocabulary(), config.width());
        }
    }

    private void shortcut(String name, NDArray array) {
        TensorInfo info = new TensorInfo(name, "F32", array.getShape().getShape());
        parts.add(new Part(info, array, 0, false, false));
    }

    private void attention(int layer, String prefix, List<NDArray> own) {
        int d = config.layer(layer).width();
        int q = config.queryWidth(layer);
        int kv = config.kvWidth(layer);
        vector(prefix + "input_layernorm.weight", own.get(0), 0, d, true);
        rotated(prefix + "self_attn.q_proj.weight", own.get(1), 0, q, d);
        rotated(prefix + "self_attn.k_proj.weight", own.get(2), 0, kv, d);
        matrix(prefix + "self_attn.v_proj.weight", own.get(2), (long) kv * d, kv, d);
        matrix(prefix + "self_attn.o_proj.weight", own.get(3), 0, d, q);
        int at = 4;
        if (config.qkvBias()) {
            rotated(prefix + "self_attn.q_proj.bias", own.get(at++), 0, q);
            rotated(prefix + "self_attn.k_proj.bias", own.get(at), 0, kv);
            vector(prefix + "self_attn.v_proj.bias", own.get(at++), kv, kv, false);
        }
        if (config.qkNorm()) {
            rotated(prefix + "self_attn.q_norm.weight", own.get(at++), 0, config.headDim());
            rotated(prefix + "self_attn.k_norm.weight", own.get(at++), 0, config.headDim());
        }
        if (config.postNorm()) {
            vector(prefix + "post_attention_layernorm.weight", own.get(at), 0, d, true);
        }
    }

    private void mlp(int layer, String prefix, List<NDArray> own) {
        int d = config.layer(layer).width();
        int f = config.layer(layer).hidden();
        String norm = config.postNorm() ? "pre_feedforward_layernorm" : "post_attention_layernorm";
        vector(prefix + norm + ".weight", own.get(0), 0, d, true);
        matrix(prefix + "mlp.gate_proj.weight", own.get(1), 0, f, d);
        matrix(prefix + "mlp.up_proj.weight", own.get(1), (long) f * d, f, d);
        matrix(prefix + "mlp.down_proj.weight", own.get(2), 0, config.widthAfter(layer), f);
        if (config.postNorm()) {
            vector(prefix + "post_feedforward_layernorm.weight", own.get(3), 0, d, true);
        }
    }

    private void matrix(String name, NDArray array, long from, long... shape) {
        add(name, array, from, false, shape);
    }

    private void rotated(String name, NDArray array, long from, long... shape) {
        add(name, array, from, config.ropeInterleaved(), shape);
    }

    private void add(String name, NDArray array, long from, boolean rotated, long... shape) {
        String format = shape.length == 2 && dtype == Dtype.BF16 ? "BF16" : "F32";
        parts.add(new Part(new TensorInfo(name, format, shape), array, from, false, rotated));
    }

    private void vector(String name, NDArray array, long from, long size, boolean norm) {
        TensorInfo info = new TensorInfo(name, "F32", new long[] {size});
        parts.add(new Part(info, array, from, norm && config.unitOffsetNorm(), false));
    }

    private void write(HuggingFaceWriter out) {
        WeightStore store = new WeightStore(weights.manager(), Dtype.FP32);
        for (Part part : parts) {
            long all = part.info().elements();
            // A head at a time where its rows change places.
            long step = part.rotated() ? config.headDim() * rowLength(part) : all;
            for (long done = 0; done < all; done += step) {
                store.read(part.array(), part.from() + done, step, (piece, at) -> {
                    Interruption.check();
                    out.write(part.info().name(), bytes(part.rotated() ? halves(piece) : piece, part));
                });
            }
        }
    }

    private static long rowLength(Part part) {
        long[] shape = part.info().shape();
        return shape.length == 2 ? shape[1] : 1;
    }

    /** Rows of one head, (E, columns): even ones first, then odd ones. */
    private float[] halves(float[] head) {
        int rows = config.headDim();
        int columns = head.length / rows;
        float[] sorted = new float[head.length];
        for (int row = 0; row < rows; row++) {
            int to = row / 2 + (row % 2) * (rows / 2);
            System.arraycopy(head, row * columns, sorted, to * columns, columns);
        }
        return sorted;
    }

    private static ByteBuffer bytes(float[] piece, Part part) {
        boolean narrow = part.info().format().equals("BF16");
        ByteBuffer bytes = ByteBuffer.allocate(piece.length * (narrow ? 2 : 4)).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : piece) {
            float stored = part.minusOne() ? value - 1 : value;
            if (narrow) {
                bytes.putShort(brainFloat(stored));
            } else {
                bytes.putFloat(stored);
            }
        }
        return bytes.flip();
    }

    /** The nearest bfloat16, ties to even, as 16 bits. */
    static short brainFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
