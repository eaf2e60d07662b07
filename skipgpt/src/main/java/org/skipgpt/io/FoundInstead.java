package org.skipgpt.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** What a path holds that is no model, in words that say how it is read: folders and files are easily mixed up. */
public final class FoundInstead {
    private static final String SKIPGPT = "skipgpt.json";
    private static final String ADAPTER = "adapter_config.json";
    private static final int MOST_NAMES = 4;

    private FoundInstead() {}

    /** What a folder is; empty for a folder in which nothing is known. */
    public static Optional<String> in(Path folder) {
        if (Files.exists(folder.resolve(SKIPGPT))) {
            return Optional.of("this is a SkipGPT folder, what was tuned over a base model: load the base, then"
                    + " loadSkipGpt(\"" + folder + "\", base)");
        }
        if (Files.exists(folder.resolve(ADAPTER))) {
            return Optional.of("this is a PEFT adapter for a base model: load the base, then"
                    + " base.withAdapter(PeftFolder.read(Path.of(\"" + folder + "\"), base.config(), base.scope()))");
        }
        if (Files.exists(folder.resolve(HuggingFaceFolder.CONFIG))) {
            return Optional.of("this is a Hugging Face folder, a model of its own: load(\"" + folder + "\")");
        }
        if (Files.exists(folder.resolve("run.safetensors"))) {
            return Optional.of("these are a training run's checkpoints: the call that made them continues the run");
        }
        List<Path> models = inside(folder, FoundInstead::isLlama2c);
        if (!models.isEmpty()) {
            return Optional.of("it holds the llama2.c " + (models.size() == 1 ? "model " : "models ") + names(models)
                    + ": load(\"" + models.get(0) + "\")");
        }
        List<Path> below = inside(folder, path -> Files.exists(path.resolve(HuggingFaceFolder.CONFIG)));
        return below.isEmpty()
                ? Optional.empty()
                : Optional.of("it holds " + (below.size() == 1 ? "the model folder " : "the model folders ")
                        + names(below) + ": load(\"" + below.get(0) + "\")");
    }

    /** What a file is; empty for one that may be a llama2.c model. */
    public static Optional<String> of(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        Path folder = Optional.ofNullable(file.getParent()).orElse(Path.of("."));
        boolean isPart = name.endsWith(".json") || name.endsWith(".safetensors") || name.endsWith(".model");
        Optional<String> whole = isPart ? in(folder) : Optional.empty();
        if (whole.isPresent()) {
            return Optional.of("it is one file of the folder " + folder + ", and " + whole.get());
        }
        if (name.endsWith(".safetensors")) {
            return Optional.of("it holds weights alone: put " + HuggingFaceFolder.CONFIG
                    + " and the tokenizer's files beside it, then load the folder");
        }
        if (name.endsWith(".pth") || name.endsWith(".pt") || isZip(file)) {
            return Optional.of("it is pickled by PyTorch: save it again with transformers:"
                    + " save_pretrained(folder, safe_serialization=True), or export it with llama2.c");
        }
        if (name.endsWith(".gguf")) {
            return Optional.empty();
        }
        if (name.startsWith("tok") && name.endsWith(".bin")) {
            return Optional.of("it is a tokenizer: name the model's .bin file beside it");
        }
        return name.endsWith(".bin") || isLlama2c(file)
                ? Optional.empty()
                : Optional.of("it is no model: give a llama2.c .bin file or a Hugging Face folder");
    }

    private static boolean isLlama2c(Path file) {
        String name = String.valueOf(file.getFileName());
        if (!Files.isRegularFile(file) || name.startsWith("tok") || name.startsWith(".")) {
            return false;
        }
        try (Llama2cFile model = Llama2cFile.open(file)) {
            return !model.names().isEmpty();
        } catch (CheckpointException e) {
            return false;
        }
    }

    private static boolean isZip(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] head = in.readNBytes(2);
            return head.length == 2 && head[0] == 'P' && head[1] == 'K';
        } catch (IOException e) {
            return false;
        }
    }

    private static List<Path> inside(Path folder, Predicate<Path> wanted) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(wanted).sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static String names(List<Path> files) {
        List<String> names = files.stream()
                .limit(MOST_NAMES)
                .map(file -> String.valueOf(file.getFileName()))
                .toList();
        return String.join(", ", names) + (files.size() > MOST_NAMES ? ", …" : "");
    }
}
