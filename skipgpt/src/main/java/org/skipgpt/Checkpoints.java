package org.skipgpt;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.FoundInstead;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HubCache;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Llama2cFile;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Sha256;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.tokens.GgufTokens;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.weights.WeightLoader;

/** Finds what a model's name means and loads it. */
final class Checkpoints {
    static final String HOME = "SKIPGPT_HOME";
    private static final Path WORLD = Path.of("datasets", "world");
    private static final String ALLOWED =
            "give a Hugging Face folder, a .gguf file, a llama2.c .bin file, owner/name of the Hugging Face hub, or \"world\"";

    private Checkpoints() {}

    /** Loads a folder, a file or a name into an owner of arrays. */
    static LanguageModel load(String name, NDManager manager, Dtype dtype, ProgressObserver observer) {
        if (name.equals("world")) {
            return folder("world", worldModel(), manager, dtype);
        }
        if (name.isBlank()) {
            throw new CheckpointException("no model \"" + name + "\": the name is empty; " + ALLOWED);
        }
        Path path = path(name);
        String shown = String.valueOf(path.toAbsolutePath().normalize().getFileName());
        if (Files.isDirectory(path)) {
            Optional<Path> single = GgufFile.onlyIn(path);
            return single.isPresent()
                    ? load(single.get().toString(), manager, dtype, observer)
                    : folder(shown, path, manager, dtype);
        }
        if (Files.isRegularFile(path) && shown.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
            return gguf(shown.replaceAll("(?i)\\.gguf$", ""), path, manager, dtype);
        }
        if (Files.isRegularFile(path)) {
            return llama2c(shown.replaceAll("\\.bin$", ""), path, manager, dtype);
        }
        if (HubCache.isName(name)) {
            return folder(name, HubCache.ofEnvironment().load(name, "main", observer), manager, dtype);
        }
        throw new CheckpointException(
                "no model \"" + name + "\": " + path.toAbsolutePath().normalize() + " does not exist; " + ALLOWED);
    }

    /** The folder of a tuned SkipGPT: a path, one that comes with the world, or one of the hub. */
    static Path tuned(String name, ProgressObserver observer) {
        if (name.startsWith("world/") && !Files.exists(path(name))) {
            return world().resolve(name.substring("world/".length()));
        }
        return !name.isBlank() && !Files.exists(path(name)) && HubCache.isName(name)
                ? HubCache.ofEnvironment().loadTuned(name, "main", observer)
                : path(name);
    }

    private static Path path(String name) {
        try {
            return name.startsWith("~/") ? Path.of(System.getProperty("user.home"), name.substring(2)) : Path.of(name);
        } catch (InvalidPathException e) {
            throw new CheckpointException("no model \"" + name + "\": " + e.getMessage(), e);
        }
    }

    private static LanguageModel folder(String name, Path path, NDManager manager, Dtype dtype) {
        HuggingFaceFolder folder = HuggingFaceFolder.open(path);
        try {
            DecoderConfig config = ConfigJson.read(folder.config());
            List<ModuleSite> dropped = ConfigJson.dropped(folder.config());
            Tokenizer tokenizer = Tokenizers.open(path);
            var weights = WeightLoader.load(config, folder.tensors(), manager, dtype, dropped);
            // The folder stays open with the model: hashing reads the pages that were loaded, whatever the files
            // become.
            LanguageModel model = LanguageModel.dense(name, folder::hash, tokenizer, config, weights);
            return dropped.isEmpty() ? model : underPlan(model, dropped);
        } catch (RuntimeException | Error e) {
            folder.close();
            throw e;
        }
    }

    private static LanguageModel gguf(String name, Path path, NDManager manager, Dtype dtype) {
        try (GgufFile file = GgufFile.open(path)) {
            DecoderConfig config = shape(path, file.config());
            Tokenizer tokenizer = GgufTokens.of(path.toString(), file.values());
            var weights = WeightLoader.load(config, file, manager, dtype);
            return LanguageModel.dense(name, Sha256.of(path), tokenizer, config, weights);
        }
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

    private static LanguageModel underPlan(LanguageModel model, List<ModuleSite> dropped) {
        Provenance provenance = Provenance.of("drop_attn_list and drop_mlp_list of config.json");
        return DropPlan.of("the plan in config.json", model.config(), dropped, provenance)
                .applyTo(model);
    }

    private static LanguageModel llama2c(String name, Path path, NDManager manager, Dtype dtype) {
        FoundInstead.of(path).ifPresent(what -> {
            throw new CheckpointException("File " + path + " cannot be loaded: " + what + ".");
        });
        Path folder = Objects.requireNonNull(path.toAbsolutePath().getParent(), "a file has a folder");
        try (Llama2cFile file = Llama2cFile.open(path)) {
            JsonObject json = file.config();
            json.addProperty("rope_interleaved", file.ropeInterleaved());
            DecoderConfig config = shape(path, json);
            Tokenizer tokenizer = Tokenizers.open(folder);
            var weights = WeightLoader.load(config, file, manager, dtype);
            return LanguageModel.dense(name, Sha256.of(path), tokenizer, config, weights);
        }
    }

    static Tokenizer worldTokenizer() {
        return Tokenizers.open(world().resolve("tokenizer.json"));
    }

    private static Path worldModel() {
        Path model = world().resolve("model");
        if (!Files.isRegularFile(model.resolve("config.json"))) {
            throw new CheckpointException("the embedded model is not in this checkout: " + model
                    + " holds no config.json; give another model's folder");
        }
        return model;
    }

    /** The folder of the embedded world: below SKIPGPT_HOME, or below the nearest folder upwards that has it. */
    static Path world() {
        return findWorld()
                .orElseThrow(() -> new CheckpointException("the embedded world was not found: neither "
                        + Path.of("").toAbsolutePath() + " nor a folder above it holds " + WORLD + "; set " + HOME
                        + " (environment) or skipgpt.home (system property) to the checkout of this project"));
    }

    static Optional<Path> findWorld() {
        String home = System.getProperty("skipgpt.home", System.getenv().getOrDefault(HOME, ""));
        if (!home.isBlank()) {
            return Optional.of(Path.of(home).toAbsolutePath().resolve(WORLD)).filter(Files::isDirectory);
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve(WORLD))) {
                return Optional.of(at.resolve(WORLD));
            }
        }
        return Optional.empty();
    }
}
