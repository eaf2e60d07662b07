package org.skipgpt.io;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.WholeFile;

/**
 * Writes a model folder that Hugging Face transformers and {@link HuggingFaceFolder} load.
 *
 * <p>Everything goes to a temporary folder beside the target, which {@link #finish} moves into place: a folder of the
 * final name is always complete. An existing folder with files in it is never written over.
 *
 * <pre>{@code
 * try (var out = HuggingFaceWriter.create(Path.of("healed"), config, infos)) {
 *     out.write("model.norm.weight", bytes);   // ... every declared tensor
 *     out.copyTokenizer(Path.of("base"));
 *     out.finish();
 * }
 * }</pre>
 */
public final class HuggingFaceWriter implements AutoCloseable {
    /** Above this many bytes the weights go into several files: 5 GB, as in transformers. */
    public static final long SHARD_BYTES = 5_000_000_000L;

    private static final int PIECE = 1 << 24;
    private static final List<String> TOKENIZER_FILES = List.of(
            "tokenizer.json",
            "tokenizer.model",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "chat_template.jinja",
            HuggingFaceFolder.GENERATION_CONFIG);

    private final Path target;
    private final Path temporary;
    private final List<SafeTensorsWriter> shards = new ArrayList<>();
    private final Map<String, SafeTensorsWriter> places = new LinkedHashMap<>();

    private HuggingFaceWriter(Path target, Path temporary) {
        this.target = target;
        this.temporary = temporary;
    }

    /** Begins a folder with shards of at most {@link #SHARD_BYTES}. */
    public static HuggingFaceWriter create(Path folder, JsonObject config, List<TensorInfo> tensors) {
        return create(folder, config, tensors, SHARD_BYTES);
    }

    /**
     * Begins a folder.
     *
     * @param folder where the finished folder will lie; must be absent or empty; its parent is made where missing
     * @param config the content of {@code config.json}
     * @param tensors every tensor of the model
     * @param shardBytes most bytes of weights in one file, 1 or more; a larger tensor gets a file of its own
     * @throws CheckpointException if the folder has files in it or cannot be made
     */
    public static HuggingFaceWriter create(Path folder, JsonObject config, List<TensorInfo> tensors, long shardBytes) {
        if (shardBytes < 1) {
            throw new CheckpointException("Shards of " + shardBytes + " bytes are not possible; use 1 or more.");
        }
        Path target = folder.toAbsolutePath().normalize();
        refuseFull(target);
        Path temporary = WholeFile.temporary(target);
        AtomicFile.makeFolder(temporary, target);
        HuggingFaceWriter writer = new HuggingFaceWriter(target, temporary);
        try {
            AtomicFile.write(temporary.resolve(HuggingFaceFolder.CONFIG), Json.pretty(config));
            writer.openShards(plan(tensors, shardBytes));
            return writer;
        } catch (RuntimeException e) {
            writer.close();
            throw e;
        }
    }

    /** Appends the next bytes of one tensor, see {@link SafeTensorsWriter#write}. */
    public void write(String name, ByteBuffer bytes) {
        SafeTensorsWriter shard = places.get(name);
        if (shard == null) {
            throw NearNames.missing(name, places.keySet(), target);
        }
        shard.write(name, bytes);
    }

    /** Writes every declared tensor from a source that has them all in the declared format. */
    public void writeAll(TensorSource source, ProgressObserver observer) {
        long total = places.keySet().stream()
                .mapToLong(name -> source.info(name).byteSize())
                .sum();
        Meter meter = new Meter("writing " + target.getFileName(), total, observer);
        for (String name : places.keySet()) {
            for (long at = 0, bytes = source.info(name).byteSize(); at < bytes; at += PIECE) {
                int length = (int) Math.min(PIECE, bytes - at);
                write(name, source.bytes(name, at, length));
                meter.add(length);
            }
        }
    }

    /** Writes {@code generation_config.json}. */
    public void generationConfig(JsonObject config) {
        AtomicFile.write(temporary.resolve(HuggingFaceFolder.GENERATION_CONFIG), Json.pretty(config));
    }

    /**
     * Writes a text that belongs to the model, such as what was dropped from it, under a name of its own.
     *
     * @throws CheckpointException if the folder has a file of that name
     */
    public void note(String name, String text) {
        Path file = temporary.resolve(name);
        if (Files.exists(file)) {
            throw new CheckpointException(
                    "Folder " + target + " has the file " + name + " already; give the note another name.");
        }
        AtomicFile.write(file, text);
    }

    /**
     * Copies the tokenizer files that another model folder has; their names are fixed, except that without them the one
     * {@code tok*.model} or {@code tok*.bin} of a llama2.c folder becomes {@code tokenizer.model} or {@code .bin}.
     *
     * @throws CheckpointException if there is no such folder
     */
    public void copyTokenizer(Path folder) {
        if (!Files.isDirectory(folder)) {
            String fault =
                    Files.exists(folder) ? "it is a file; name the folder that holds it" : "there is no such folder";
            throw new CheckpointException("No tokenizer files at " + folder + ": " + fault + ".");
        }
        for (String name : TOKENIZER_FILES) {
            if (Files.isRegularFile(folder.resolve(name))) {
                AtomicFile.copy(folder.resolve(name), temporary.resolve(name));
            }
        }
        boolean known = Files.exists(temporary.resolve("tokenizer.json"))
                || Files.exists(temporary.resolve("tokenizer.model"))
                || Files.exists(temporary.resolve("vocab.json"));
        if (!known) {
            copyLlama2c(folder);
        }
    }

    // llama2.c names its tokenizers freely (tok512.model); a single one is the model's.
    private void copyLlama2c(Path folder) {
        for (String ending : List.of(".model", ".bin")) {
            try (Stream<Path> files = Files.list(folder)) {
                List<Path> found = files.filter(file -> {
                            String name = String.valueOf(file.getFileName());
                            return name.startsWith("tok") && name.endsWith(ending);
                        })
                        .toList();
                if (found.size() == 1) {
                    AtomicFile.copy(found.get(0), temporary.resolve("tokenizer" + ending));
                }
            } catch (IOException e) {
                throw MappedFile.failure(folder, e);
            }
        }
    }

    /**
     * Puts the folder into place.
     *
     * @throws CheckpointException if bytes of a tensor are missing, or the target has got files meanwhile
     */
    public void finish() {
        shards.forEach(SafeTensorsWriter::finish);
        refuseFull(target);
        try {
            Files.deleteIfExists(target);
            WholeFile.move(temporary, target);
        } catch (IOException e) {
            throw AtomicFile.failure(target, e);
        }
    }

    /** Throws away what was written unless {@link #finish} was called. */
    @Override
    public void close() {
        shards.forEach(SafeTensorsWriter::close);
        if (!Files.exists(temporary)) {
            return;
        }
        try (Stream<Path> files = Files.list(temporary)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(temporary);
        } catch (IOException e) {
            throw AtomicFile.failure(temporary, e);
        }
    }

    private static void refuseFull(Path target) {
        if (!Files.exists(target)) {
            return;
        }
        if (!Files.isDirectory(target)) {
            throw new CheckpointException("Path " + target + " is a file; name a folder for the model.");
        }
        try (Stream<Path> files = Files.list(target)) {
            if (files.findAny().isPresent()) {
                throw new CheckpointException("Folder " + target
                        + " has files in it and is not written over; name a new folder, or remove it first.");
            }
        } catch (IOException e) {
            throw AtomicFile.failure(target, e);
        }
    }

    /** Tensors in the given order, a new shard whenever the next one would make it too long. */
    private static List<List<TensorInfo>> plan(List<TensorInfo> tensors, long shardBytes) {
        List<List<TensorInfo>> plan = new ArrayList<>();
        List<TensorInfo> shard = new ArrayList<>();
        plan.add(shard);
        long bytes = 0;
        for (TensorInfo info : tensors) {
            if (!shard.isEmpty() && info.byteSize() > shardBytes - bytes) {
                shard = new ArrayList<>();
                plan.add(shard);
                bytes = 0;
            }
            shard.add(info);
            bytes += info.byteSize();
        }
        return plan;
    }

    private void openShards(List<List<TensorInfo>> plan) {
        JsonObject weightMap = new JsonObject();
        long total = 0;
        for (int i = 0; i < plan.size(); i++) {
            String name = plan.size() == 1
                    ? HuggingFaceFolder.WEIGHTS
                    : String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, plan.size());
            SafeTensorsWriter shard = SafeTensorsWriter.create(temporary.resolve(name), plan.get(i));
            shards.add(shard);
            for (TensorInfo info : plan.get(i)) {
                if (places.put(info.name(), shard) != null) {
                    throw new CheckpointException("Tensor '" + info.name() + "' is declared twice for " + target
                            + "; every tensor needs its own name.");
                }
                weightMap.addProperty(info.name(), name);
                total += info.byteSize();
            }
        }
        if (plan.size() > 1) {
            JsonObject metadata = new JsonObject();
            metadata.addProperty("total_size", total);
            JsonObject index = new JsonObject();
            index.add("metadata", metadata);
            index.add("weight_map", weightMap);
            AtomicFile.write(temporary.resolve(HuggingFaceFolder.INDEX), Json.pretty(index));
        }
    }
}
