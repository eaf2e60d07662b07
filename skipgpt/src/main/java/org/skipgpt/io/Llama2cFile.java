package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * A model file of llama2.c (A. Karpathy, 2023) under Hugging Face names: the unversioned float32 form and version 2,
 * whose int8 values are turned into floats while they are read, w = value * scale of its group.
 *
 * <p>The rows of the query and key projections stay in the file's order, in which RoPE rotates neighbouring rows
 * (2i, 2i+1); see {@link #ropeInterleaved()}.
 *
 * <pre>{@code
 * try (var file = Llama2cFile.open(Path.of("stories260K.bin"))) {
 *     float[] embedding = file.floats("model.embed_tokens.weight");   // (vocab, dim)
 * }
 * }</pre>
 */
public final class Llama2cFile implements TensorSource {
    private final MappedFile file;
    private final Llama2cLayout layout;

    private Llama2cFile(MappedFile file, Llama2cLayout layout) {
        this.file = file;
        this.layout = layout;
    }

    /**
     * Opens a file.
     *
     * @throws CheckpointException if it is missing, of another version, or its size does not fit its header
     */
    public static Llama2cFile open(Path path) {
        MappedFile file = MappedFile.open(path);
        return new Llama2cFile(file, Llama2cLayout.read(file));
    }

    /**
     * The model's configuration in the terms of a Hugging Face {@code config.json}.
     *
     * <p>llama2.c fixes what its header leaves out: RMSNorm epsilon 1e-5, RoPE base 10000, begin 1, end 2.
     */
    public JsonObject config() {
        Llama2cLayout.Shape shape = layout.shape();
        JsonArray architectures = new JsonArray();
        architectures.add("LlamaForCausalLM");
        JsonObject config = new JsonObject();
        config.add("architectures", architectures);
        config.addProperty("model_type", "llama");
        config.addProperty("vocab_size", shape.vocab());
        config.addProperty("hidden_size", shape.dim());
        config.addProperty("intermediate_size", shape.hidden());
        config.addProperty("num_hidden_layers", shape.layers());
        config.addProperty("num_attention_heads", shape.heads());
        config.addProperty("num_key_value_heads", shape.kvHeads());
        config.addProperty("max_position_embeddings", shape.context());
        config.addProperty("hidden_act", "silu");
        config.addProperty("rms_norm_eps", 1e-5);
        config.addProperty("rope_theta", 10000.0);
        config.addProperty("attention_bias", false);
        config.addProperty("mlp_bias", false);
        config.addProperty("tie_word_embeddings", shape.sharedHead());
        config.addProperty("bos_token_id", 1);
        config.addProperty("eos_token_id", 2);
        config.addProperty("torch_dtype", "float32");
        return config;
    }

    /** Whether RoPE rotates neighbouring rows (2i, 2i+1) instead of (i, i + headSize/2); true for every such file. */
    public boolean ropeInterleaved() {
        return true;
    }

    /** How many int8 values share a scale; 0 in a float32 file. */
    public int groupSize() {
        return layout.groupSize();
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(layout.places().keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return place(name).info();
    }

    @Override
    public long storedBytes(String name) {
        Llama2cLayout.Place place = place(name);
        long elements = place.info().elements();
        return place.scalesAt() < 0 ? place.info().byteSize() : elements + elements / layout.groupSize() * Float.BYTES;
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        Llama2cLayout.Place place = place(name);
        PieceCheck.check(place.info(), from, length);
        return place.scalesAt() < 0 ? file.slice(place.at() + from, length) : dequantised(place, from, length);
    }

    @Override
    public TensorSource reading(LongConsumer counted) {
        return new Llama2cFile(file.reading(counted), layout);
    }

    @Override
    public void checkUnchanged() {
        file.checkUnchanged();
    }

    @Override
    public void close() {
        file.close();
    }

    @Override
    public String toString() {
        return file.path() + " (" + layout.places().size() + " tensors"
                + (layout.groupSize() > 0 ? ", int8 in groups of " + layout.groupSize() : ", float32") + ")";
    }

    private ByteBuffer dequantised(Llama2cLayout.Place place, long from, int length) {
        long first = from / 4;
        long count = (from + length + 3) / 4 - first;
        if (count > (Integer.MAX_VALUE - 8) / 4) {
            throw new CheckpointException("A piece of " + length + " bytes of the int8 tensor " + place.info()
                    + " is too large; ask for at most 2^30 bytes at once.");
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) count * 4).order(ByteOrder.LITTLE_ENDIAN);
        FloatBuffer out = bytes.asFloatBuffer();
        ByteBuffer values = file.slice(place.at() + first, (int) count);
        int group = layout.groupSize();
        long firstGroup = first / group;
        int groups = (int) ((first + count - 1) / group - firstGroup) + 1;
        FloatBuffer scales =
                file.slice(place.scalesAt() + firstGroup * 4, groups * 4).asFloatBuffer();
        for (int i = 0, inGroup = (int) (first % group), g = 0; i < count; i++) {
            out.put(values.get(i) * scales.get(g));
            if (++inGroup == group) {
                inGroup = 0;
                g++;
            }
        }
        int skip = (int) (from % 4);
        return bytes.slice(skip, length).asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    }

    private Llama2cLayout.Place place(String name) {
        Llama2cLayout.Place place = layout.places().get(name);
        if (place == null) {
            throw NearNames.missing(name, names(), file.path());
        }
        return place;
    }
}
