package org.skipgpt.io;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.skipgpt.report.ProgressObserver;

/**
 * A model folder as Hugging Face transformers writes it: {@code config.json}, weights in safetensors (one file or
 * shards under an index) and tokenizer files.
 *
 * <pre>{@code
 * try (var folder = HuggingFaceFolder.open(Path.of("models/tiny-llama"))) {
 *     folder.config().get("hidden_size").getAsInt();
 *     folder.tensors().info("model.norm.weight");
 * }
 * }</pre>
 */
public final class HuggingFaceFolder implements AutoCloseable {
    static final String CONFIG = "config.json";
    static final String GENERATION_CONFIG = "generation_config.json";
    static final String WEIGHTS = "model.safetensors";
    static final String INDEX = "model.safetensors.index.json";

    // one sum per state of the weight files: a folder is hashed once in a process
    private static final ConcurrentMap<String, String> HASHES = new ConcurrentHashMap<>();

    private final Path path;
    private final JsonObject config;
    private final TensorSource tensors;
    private final List<Path> weightFiles;
    private final String state;

    private HuggingFaceFolder(Path path, JsonObject config, TensorSource tensors, List<Path> weightFiles) {
        this.path = path;
        this.config = config;
        this.tensors = tensors;
        this.weightFiles = weightFiles;
        this.state = state(weightFiles);
    }

    /**
     * Opens a folder; reads the configuration and the headers of the weights.
     *
     * @throws CheckpointException if the configuration or a weight file is missing or malformed
     */
    public static HuggingFaceFolder open(Path path) {
        if (!Files.isDirectory(path)) {
            throw new CheckpointException(
                    "Folder " + path.toAbsolutePath() + " does not exist; check the path, or download the model.");
        }
        if (!Files.exists(path.resolve(CONFIG))) {
            throw new CheckpointException("Folder " + path + " has no " + CONFIG + ", so it is no Hugging Face folder; "
                    + FoundInstead.in(path).orElse("fetch the file, or name the folder that has it") + ".");
        }
        JsonObject config = Json.object(path.resolve(CONFIG));
        // one whole file goes before an index, as in transformers
        if (Files.exists(path.resolve(WEIGHTS))) {
            SafeTensors file = SafeTensors.open(path.resolve(WEIGHTS));
            return new HuggingFaceFolder(path, config, file, List.of(file.path()));
        }
        if (Files.exists(path.resolve(INDEX))) {
            ShardedTensors shards = ShardedTensors.open(path.resolve(INDEX));
            return new HuggingFaceFolder(path, config, shards, shards.files());
        }
        boolean pickled = Files.exists(path.resolve("pytorch_model.bin"))
                || Files.exists(path.resolve("pytorch_model.bin.index.json"));
        throw new CheckpointException("Folder " + path + " has neither " + WEIGHTS + " nor " + INDEX
                + (pickled
                        ? "; its weights are pickled (pytorch_model.bin). Save it again with transformers:"
                                + " save_pretrained(folder, safe_serialization=True)."
                        : ". Fetch the weights."));
    }

    /** Where the folder is. */
    public Path path() {
        return path;
    }

    /** The model's configuration; a copy that may be changed. */
    public JsonObject config() {
        return config.deepCopy();
    }

    /** The defaults for generation, where the folder has them. */
    public Optional<JsonObject> generationConfig() {
        return file(GENERATION_CONFIG).map(Json::object);
    }

    /** All weights; closed with the folder. */
    public TensorSource tensors() {
        return tensors;
    }

    /** The file {@code tokenizer.json}, where the folder has it. */
    public Optional<Path> tokenizerJson() {
        return file("tokenizer.json");
    }

    /** The SentencePiece or tiktoken file {@code tokenizer.model}, where the folder has it. */
    public Optional<Path> tokenizerModel() {
        return file("tokenizer.model");
    }

    /** A file of the folder by its plain name, where it is there. */
    public Optional<Path> file(String name) {
        if (!Path.of(name).normalize().equals(Path.of(name).getFileName())) {
            throw new CheckpointException("Name '" + name + "' has a path in it; pass a plain file name.");
        }
        return Optional.of(path.resolve(name)).filter(Files::isRegularFile);
    }

    /**
     * The identity of the weights, see {@link TensorHash#of(TensorSource, ProgressObserver)}: 64 hexadecimal digits.
     *
     * <p>It is computed when first asked for and remembered for files that have not changed, until the process ends.
     */
    public String hash() {
        return hash(ProgressObserver.silent());
    }

    /** As {@link #hash()}, telling how far it is. */
    public String hash(ProgressObserver observer) {
        String known = HASHES.get(state);
        if (known == null) {
            known = TensorHash.of(tensors, observer);
            HASHES.put(state, known);
        }
        return known;
    }

    // As the files were when they were opened: what is hashed is what is mapped.
    private static String state(List<Path> weightFiles) {
        List<String> parts = new ArrayList<>();
        for (Path file : weightFiles) {
            try {
                parts.add(file.toRealPath() + " " + Files.size(file) + " " + Files.getLastModifiedTime(file));
            } catch (IOException e) {
                throw MappedFile.failure(file, e);
            }
        }
        return String.join("\n", parts);
    }

    @Override
    public void close() {
        tensors.close();
    }

    @Override
    public String toString() {
        return path + " (" + tensors.names().size() + " tensors in " + weightFiles.size() + " files)";
    }
}
