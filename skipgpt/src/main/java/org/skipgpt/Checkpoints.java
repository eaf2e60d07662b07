package org.skipgpt;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HubCache;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;
import org.skipgpt.torch.Dtype;
import org.skipgpt.weights.Placement;
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
        return open(name, observer)
                .load(opened -> WeightLoader.load(opened.config(), opened.tensors(), manager, dtype, opened.dropped()));
    }

    /** The same, its layers where a map says, see {@link Placement#of}. */
    static LanguageModel load(
            String name, String map, List<Device> devices, NDManager manager, Dtype dtype, ProgressObserver observer) {
        return open(name, observer).load(opened -> {
            Placement placement = opened.placement(map, devices, dtype);
            return WeightLoader.load(opened.config(), opened.tensors(), manager, dtype, opened.dropped(), placement);
        });
    }

    /** Where a map leaves the layers of a model; no weight is read. */
    static Placement placement(String name, String map, List<Device> devices, Dtype dtype, ProgressObserver observer) {
        OpenCheckpoint opened = open(name, observer);
        try {
            return opened.placement(map, devices, dtype);
        } finally {
            opened.tensors().close();
        }
    }

    private static OpenCheckpoint open(String name, ProgressObserver observer) {
        if (name.equals("world")) {
            return OpenCheckpoint.folder("world", worldModel());
        }
        if (name.isBlank()) {
            throw new CheckpointException("no model \"" + name + "\": the name is empty; " + ALLOWED);
        }
        Path path = path(name);
        String shown = String.valueOf(path.toAbsolutePath().normalize().getFileName());
        if (Files.isDirectory(path)) {
            Optional<Path> single = GgufFile.onlyIn(path);
            return single.isPresent() ? open(single.get().toString(), observer) : OpenCheckpoint.folder(shown, path);
        }
        if (Files.isRegularFile(path) && shown.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
            return OpenCheckpoint.gguf(shown.replaceAll("(?i)\\.gguf$", ""), path);
        }
        if (Files.isRegularFile(path)) {
            return OpenCheckpoint.llama2c(shown.replaceAll("\\.bin$", ""), path);
        }
        if (HubCache.isName(name)) {
            return OpenCheckpoint.folder(name, HubCache.ofEnvironment().load(name, "main", observer));
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

    /** The same, in silence. */
    static Path tuned(String name) {
        return tuned(name, ProgressObserver.silent());
    }

    private static Path path(String name) {
        try {
            return name.startsWith("~/") ? Path.of(System.getProperty("user.home"), name.substring(2)) : Path.of(name);
        } catch (InvalidPathException e) {
            throw new CheckpointException("no model \"" + name + "\": " + e.getMessage(), e);
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
