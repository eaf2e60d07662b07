package org.skipgpt;

import ai.djl.Device;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.FoundInstead;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Llama2cFile;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.GpuMemory;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Sha256;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.tokens.GgufTokens;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.Placement;

/**
 * A checkpoint whose headers were read and whose weights were not.
 *
 * @param name what to call the model
 * @param config its shape
 * @param tensors its weights
 * @param dropped modules that it lacks
 * @param tokenizer reads its tokenizer
 * @param hash the identity of its weights
 * @param stays whether the files stay open with the model, as hashing reads the pages that were loaded, whatever they become
 */
record OpenCheckpoint(
        String name,
        DecoderConfig config,
        TensorSource tensors,
        List<ModuleSite> dropped,
        Supplier<Tokenizer> tokenizer,
        Supplier<String> hash,
        boolean stays) {

    static OpenCheckpoint folder(String name, Path path) {
        HuggingFaceFolder folder = HuggingFaceFolder.open(path);
        return closingOnFailure(
                folder.tensors(),
                () -> new OpenCheckpoint(
                        name,
                        ConfigJson.read(folder.config()),
                        folder.tensors(),
                        ConfigJson.dropped(folder.config()),
                        () -> Tokenizers.open(path),
                        folder::hash,
                        true));
    }

    static OpenCheckpoint gguf(String name, Path path) {
        GgufFile file = GgufFile.open(path);
        return closingOnFailure(
                file,
                () -> new OpenCheckpoint(
                        name,
                        shape(path, file.config()),
                        file,
                        List.of(),
                        () -> GgufTokens.of(path.toString(), file.values()),
                        () -> Sha256.of(path),
                        false));
    }

    static OpenCheckpoint llama2c(String name, Path path) {
        FoundInstead.of(path).ifPresent(what -> {
            throw new CheckpointException("File " + path + " cannot be loaded: " + what + ".");
        });
        Path folder = Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file has a folder");
        Llama2cFile file = Llama2cFile.open(path);
        return closingOnFailure(file, () -> {
            JsonObject json = file.config();
            json.addProperty("rope_interleaved", file.ropeInterleaved());
            return new OpenCheckpoint(
                    name,
                    shape(path, json),
                    file,
                    List.of(),
                    () -> Tokenizers.open(folder),
                    () -> Sha256.of(path),
                    false);
        });
    }

    /** Loads the model; what is not needed any more is closed. */
    LanguageModel load(Function<OpenCheckpoint, DecoderWeights> weights) {
        LanguageModel model = closingOnFailure(tensors, () -> {
            Tokenizer own = tokenizer.get();
            DecoderWeights loaded = weights.apply(this);
            return stays
                    ? LanguageModel.dense(name, hash, own, config, loaded)
                    : LanguageModel.dense(name, hash.get(), own, config, loaded);
        });
        if (!stays && model.reads().isEmpty()) {
            tensors.close();
        }
        return dropped.isEmpty() ? model : underPlan(model, dropped);
    }

    /**
     * Where a map leaves the layers, over what devices have left now.
     *
     * @param devices those that {@code auto} fills; a map may name others
     */
    Placement placement(String map, List<Device> devices, Dtype dtype) {
        Set<Device> all = new LinkedHashSet<>(devices);
        if (!Placement.isAuto(map)) {
            all.addAll(Torch.devices());
        }
        Map<String, Long> left = new LinkedHashMap<>();
        for (Device device : all) {
            long bytes = device.isGpu()
                    ? GpuMemory.left(device.getDeviceId()).orElse(Long.MAX_VALUE)
                    : MemoryLeft.now().available();
            left.put(Places.name(device), bytes);
        }
        return Placement.of(map, config, dtype, left, tensors);
    }

    private static LanguageModel underPlan(LanguageModel model, List<ModuleSite> dropped) {
        Provenance provenance = Provenance.of("drop_attn_list and drop_mlp_list of config.json");
        return DropPlan.of("the plan in config.json", model.config(), dropped, provenance)
                .applyTo(model);
    }

    // Such files have their values under other names, but are told in those of config.json, which all families share.
    private static DecoderConfig shape(Path file, JsonObject config) {
        try {
            return ConfigJson.read(config);
        } catch (CheckpointException e) {
            throw new CheckpointException(
                    "File " + file + ", whose shape is read as a config.json: " + e.getMessage(), e);
        }
    }

    private static <T> T closingOnFailure(TensorSource tensors, Supplier<T> work) {
        try {
            return work.get();
        } catch (RuntimeException | Error e) {
            tensors.close();
            throw e;
        }
    }
}
