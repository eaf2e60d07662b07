package org.skipgpt.weights;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.io.GgufWriter;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.InUse;

/**
 * Writes a decoder as one GGUF file that llama.cpp and {@link org.skipgpt.io.GgufFile} load.
 *
 * <pre>{@code
 * GgufSaver.save("tiny", config, weights, GgufStorage.F32, tokens, Map.of(), Path.of("tiny.gguf"));
 * }</pre>
 */
public final class GgufSaver {
    private static final String TOKENS = "tokenizer.ggml.tokens";

    private GgufSaver() {}

    /**
     * Writes a file.
     *
     * @param name general.name
     * @param storage element type of matrices; norms and biases are F32
     * @param tokens the tokenizer's values, see {@link org.skipgpt.tokens.TokenizerValues}
     * @param notes further values, which no reader needs
     * @throws CheckpointException for what GGUF cannot say, and if the tokens are not as many as the embedding has rows; and
     *     as {@link GgufWriter} does
     */
    public static void save(
            String name,
            DecoderConfig config,
            DecoderWeights weights,
            GgufStorage storage,
            Map<String, Object> tokens,
            Map<String, Object> notes,
            Path file) {
        GgufValues shape = new GgufValues(config);
        Map<String, Object> values = new LinkedHashMap<>(shape.values(name));
        if (!(tokens.get(TOKENS) instanceof List<?> list) || list.size() != config.vocabulary()) {
            throw new CheckpointException("The embedding has " + config.vocabulary() + " rows and " + TOKENS + " "
                    + (tokens.get(TOKENS) instanceof List<?> other ? other.size() : "no") + " entries: as many are"
                    + " expected; TokenizerValues fills them up.");
        }
        values.putAll(tokens);
        values.putAll(notes);
        try (InUse.Hold held = InUse.of(weights.manager()).hold()) {
            weights.checkOpen();
            WeightParts parts = new WeightParts(config, weights);
            List<TensorInfo> infos = parts.all().stream()
                    .map(part -> new TensorInfo(part.name(), "F32", part.shape()))
                    .toList();
            try (GgufWriter out = GgufWriter.create(file, values, storage, infos, shape.ropeFactors())) {
                for (WeightParts.Part part : parts.all()) {
                    parts.read(part, rows -> out.write(part.name(), rows));
                }
                out.finish();
            }
        }
    }
}
