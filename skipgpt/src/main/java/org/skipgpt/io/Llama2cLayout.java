package org.skipgpt.io;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where each tensor lies in a llama2.c file, worked out from its header and checked against the file's size.
 *
 * @param shape the model's sizes
 * @param groupSize int8 values that share a scale; 0 for a float32 file
 * @param places the tensors under Hugging Face names, in file order
 */
record Llama2cLayout(Shape shape, int groupSize, Map<String, Place> places) {
    private static final int MAGIC = 0x616b3432; // "24ka" in file order: marks versions 1 and later
    private static final int LEGACY_HEADER = 28;
    private static final int VOCAB_AT = 20;
    private static final int HEADER = 256;
    private static final int MAX_LAYERS = 1 << 10;
    private static final int MAX_SIZE = 1 << 20; // products of three sizes stay below 2^63 bytes

    /** Sizes of the model. */
    record Shape(int dim, int hidden, int layers, int heads, int kvHeads, int vocab, int context, boolean sharedHead) {
        int kvDim() {
            return dim / heads * kvHeads;
        }
    }

    /**
     * One tensor.
     *
     * @param at where its floats or int8 values begin in the file
     * @param scalesAt where the scales of its int8 values begin; -1 for floats
     */
    record Place(TensorInfo info, long at, long scalesAt) {}

    static Llama2cLayout read(MappedFile file) {
        if (file.size() < LEGACY_HEADER) {
            throw broken(file, "it has " + file.size() + " bytes, and its header alone takes 28");
        }
        if (file.slice(0, 4).getInt() != MAGIC) {
            ByteBuffer header = file.slice(0, LEGACY_HEADER);
            // a negative vocabulary says that the head is not shared; -2^31 stays negative and is refused
            int vocab = header.getInt(VOCAB_AT);
            return new Builder(file, shape(file, header, Math.abs(vocab), vocab > 0), 0, LEGACY_HEADER).legacy();
        }
        if (file.size() < HEADER) {
            throw broken(file, "it has " + file.size() + " bytes, and its header alone takes 256");
        }
        ByteBuffer header = file.slice(4, HEADER - 4);
        int version = header.getInt();
        if (version != 2) {
            throw broken(
                    file,
                    "its version is " + version + "; the unversioned float32 form and version 2 (int8) can"
                            + " be read");
        }
        ByteBuffer sizes = header.slice().order(header.order());
        int shared = sizes.get(LEGACY_HEADER);
        int groupSize = sizes.getInt(LEGACY_HEADER + 1);
        if (shared < 0 || shared > 1 || groupSize < 1) {
            throw broken(
                    file,
                    "its shared-head byte is " + shared + " and its group size " + groupSize
                            + "; 0 or 1, and 1 or more are allowed");
        }
        return new Builder(file, shape(file, sizes, sizes.getInt(VOCAB_AT), shared == 1), groupSize, HEADER).version2();
    }

    private static Shape shape(MappedFile file, ByteBuffer sizes, int vocab, boolean shared) {
        int[] field = new int[7];
        sizes.duplicate().order(sizes.order()).asIntBuffer().get(field);
        Shape shape = new Shape(field[0], field[1], field[2], field[3], field[4], vocab, field[6], shared);
        int[] checked = {shape.dim, shape.hidden, shape.layers, shape.heads, shape.kvHeads, shape.vocab, shape.context};
        for (int size : checked) {
            if (size < 1 || size > MAX_SIZE) {
                throw broken(file, "its header gives the sizes " + shape + "; each must be 1.." + MAX_SIZE);
            }
        }
        boolean fits = shape.dim % shape.heads == 0
                && shape.heads % shape.kvHeads == 0
                && shape.dim / shape.heads % 2 == 0
                && shape.layers <= MAX_LAYERS;
        if (!fits) {
            throw broken(
                    file,
                    "its header gives the sizes " + shape + "; heads must divide dim into even parts,"
                            + " kvHeads must divide heads, and at most " + MAX_LAYERS + " layers are read");
        }
        return shape;
    }

    private static CheckpointException broken(MappedFile file, String what) {
        return new CheckpointException(
                "File " + file.path() + " is no usable llama2.c model: " + what + ". Fetch or export it again.");
    }

    /** Walks over the file in the order in which the exporter wrote it. */
    private static final class Builder {
        private final MappedFile file;
        private final Shape shape;
        private final int groupSize;
        private final Map<String, Place> places = new LinkedHashMap<>();
        private long at;

        Builder(MappedFile file, Shape shape, int groupSize, long start) {
            this.file = file;
            this.shape = shape;
            this.groupSize = groupSize;
            this.at = start;
        }

        Llama2cLayout legacy() {
            floats("model.embed_tokens.weight", shape.vocab, shape.dim);
            perLayer("input_layernorm", true, shape.dim);
            attention(true);
            perLayer("post_attention_layernorm", true, shape.dim);
            mlp(true);
            floats("model.norm.weight", shape.dim);
            // two tables of rotation angles follow; the decoder computes its own
            at += 4L * shape.context * (shape.dim / shape.heads);
            if (!shape.sharedHead) {
                floats("lm_head.weight", shape.vocab, shape.dim);
            }
            return done();
        }

        Llama2cLayout version2() {
            perLayer("input_layernorm", true, shape.dim);
            perLayer("post_attention_layernorm", true, shape.dim);
            floats("model.norm.weight", shape.dim);
            bytes("model.embed_tokens.weight", shape.vocab, shape.dim);
            attention(false);
            mlp(false);
            if (!shape.sharedHead) {
                bytes("lm_head.weight", shape.vocab, shape.dim);
            }
            return done();
        }

        private void attention(boolean floats) {
            perLayer("self_attn.q_proj", floats, shape.dim, shape.dim);
            perLayer("self_attn.k_proj", floats, shape.kvDim(), shape.dim);
            perLayer("self_attn.v_proj", floats, shape.kvDim(), shape.dim);
            perLayer("self_attn.o_proj", floats, shape.dim, shape.dim);
        }

        private void mlp(boolean floats) {
            perLayer("mlp.gate_proj", floats, shape.hidden, shape.dim);
            perLayer("mlp.down_proj", floats, shape.dim, shape.hidden);
            perLayer("mlp.up_proj", floats, shape.hidden, shape.dim);
        }

        private void perLayer(String part, boolean floats, long... sizes) {
            for (int layer = 0; layer < shape.layers; layer++) {
                String name = "model.layers." + layer + "." + part + ".weight";
                if (floats) {
                    floats(name, sizes);
                } else {
                    bytes(name, sizes);
                }
            }
        }

        private void floats(String name, long... sizes) {
            TensorInfo info = new TensorInfo(name, "F32", sizes);
            places.put(name, new Place(info, at, -1));
            at += info.byteSize();
        }

        private void bytes(String name, long... sizes) {
            TensorInfo info = new TensorInfo(name, "F32", sizes);
            long elements = info.elements();
            if (elements % groupSize != 0) {
                throw broken(
                        file,
                        "its group size " + groupSize + " does not divide the " + elements + " values of " + name);
            }
            places.put(name, new Place(info, at, at + elements));
            at += elements + elements / groupSize * 4;
        }

        private Llama2cLayout done() {
            if (at != file.size()) {
                throw broken(file, "its header asks for " + at + " bytes, but it has " + file.size());
            }
            return new Llama2cLayout(shape, groupSize, places);
        }
    }
}
