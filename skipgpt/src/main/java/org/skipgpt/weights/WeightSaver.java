package org.skipgpt.weights;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.skipgpt.io.HuggingFaceWriter;
import org.skipgpt.io.Narrowing;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.InUse;

/**
 * Writes a decoder as a Hugging Face folder that other tools load: fused arrays are cut back into the named tensors of the family.
 *
 * <p>Norm weights stay fp32; matrices are rounded to the wanted type, to nearest even; {@link WeightParts} has their order.
 */
public final class WeightSaver {
    private WeightSaver() {}

    /**
     * Writes a folder.
     *
     * @param dtype stored type of matrices: FP32 or BF16
     * @param tokenizer names the beginning and end marks
     * @param files folder whose tokenizer files are copied beside the weights
     */
    public static void save(
            DecoderConfig config, DecoderWeights weights, Dtype dtype, Tokenizer tokenizer, Path files, Path folder) {
        save(config, weights, dtype, tokenizer, files, folder, Map.of());
    }

    /**
     * Writes a folder with texts that belong to the model, so that a folder in place never lacks them.
     *
     * @param notes the texts by their files' names
     */
    public static void save(
            DecoderConfig config,
            DecoderWeights weights,
            Dtype dtype,
            Tokenizer tokenizer,
            Path files,
            Path folder,
            Map<String, String> notes) {
        if (dtype == Dtype.FP16) {
            throw new IllegalArgumentException("weights are stored as fp32 or bf16; fp16 would overflow: use bf16");
        }
        try (InUse.Hold held = InUse.of(weights.manager()).hold()) {
            weights.checkOpen();
            write(config, weights, dtype, tokenizer, files, folder, notes);
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
            DecoderConfig config,
            DecoderWeights weights,
            Dtype dtype,
            Tokenizer tokenizer,
            Path files,
            Path folder,
            Map<String, String> notes) {
        WeightParts parts = new WeightParts(config, weights);
        JsonObject json = ConfigJson.write(config);
        // The rows are in Hugging Face's order, so what is stored rotates halves as every folder does.
        json.remove("rope_interleaved");
        json.addProperty("torch_dtype", dtype == Dtype.BF16 ? "bfloat16" : "float32");
        tokenizer.bos().ifPresent(id -> json.addProperty("bos_token_id", id));
        ends(tokenizer).ifPresent(ids -> json.add("eos_token_id", ids));
        JoinedMatrices joined = new JoinedMatrices(config);
        List<TensorInfo> infos = joined.together(parts.all().stream()
                .map(part -> new TensorInfo(part.name(), isNarrow(part, dtype) ? "BF16" : "F32", part.shape()))
                .toList());
        try (HuggingFaceWriter out = HuggingFaceWriter.create(folder, json, infos)) {
            for (WeightParts.Part part : parts.all()) {
                boolean narrow = isNarrow(part, dtype);
                parts.read(part, rows -> out.write(joined.stored(part.name()), bytes(rows, narrow)));
            }
            out.copyTokenizer(files);
            notes.forEach(out::note);
            out.finish();
        }
    }

    private static boolean isNarrow(WeightParts.Part part, Dtype dtype) {
        return part.rounded() && dtype == Dtype.BF16;
    }

    private static ByteBuffer bytes(float[] piece, boolean narrow) {
        ByteBuffer bytes = ByteBuffer.allocate(piece.length * (narrow ? 2 : 4)).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : piece) {
            if (narrow) {
                bytes.putShort(Narrowing.brainFloat(value));
            } else {
                bytes.putFloat(value);
            }
        }
        return bytes.flip();
    }
}
