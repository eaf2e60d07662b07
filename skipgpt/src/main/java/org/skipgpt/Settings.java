package org.skipgpt;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.TextUnit;
import org.skipgpt.report.Report;
import org.skipgpt.torch.Torch;

/**
 * What a notebook works on, said once, by environment variables: the same cells then run on another model, text or machine.
 *
 * <pre>{@code
 * var settings = settings();
 * var model = load(settings.model());
 * var tuned = tuneRouters(model, settings.documents(1500), 0.25);
 * }</pre>
 *
 * @param model {@code SKIPGPT_MODEL}: a folder, a file or owner/name; {@code world} where it is not set
 * @param corpus {@code SKIPGPT_CORPUS}: a text file or a folder of them to tune and to measure on; empty for the embedded
 *     world's text
 * @param device {@code SKIPGPT_DEVICE}: {@code cpu}, {@code gpu}, {@code gpu1}; empty for the first GPU, or the CPU
 * @param dtype {@code SKIPGPT_DTYPE}: {@code fp32}, {@code bf16}, {@code fp16}; empty for fp32 on a CPU and bf16 on a GPU
 * @param full whether {@code SKIPGPT_BUDGET} is {@code full}: more steps and all questions; {@code small} runs in minutes
 */
public record Settings(String model, String corpus, String device, String dtype, boolean full) implements Report {
    private static final String WORLD = "world";
    private static final int SHORTEST = 200; // characters of a paragraph that says something
    private static final long SEED = 43;

    /** Checks that another model has a text of its own kind. */
    public Settings {
        if (!model.equals(WORLD) && corpus.isEmpty()) {
            throw new IllegalArgumentException(
                    "SKIPGPT_MODEL is " + model + ", but SKIPGPT_CORPUS is not set: the toy text"
                            + " of the embedded world would teach it nothing. Set it to a text file, or a folder of txt, jsonl, csv"
                            + " or parquet files, like what the model is to read");
        }
    }

    /** Those of this process. */
    static Settings ofEnvironment() {
        return of(System.getenv());
    }

    /**
     * Those of some variables.
     *
     * @throws IllegalArgumentException for a budget that is neither small nor full, or a model without a corpus
     */
    static Settings of(Map<String, String> environment) {
        String budget = text(environment, "SKIPGPT_BUDGET", "small");
        if (!budget.equals("small") && !budget.equals("full")) {
            throw new IllegalArgumentException("SKIPGPT_BUDGET is '" + budget + "': small or full is allowed");
        }
        return new Settings(
                text(environment, "SKIPGPT_MODEL", WORLD),
                text(environment, "SKIPGPT_CORPUS", ""),
                text(environment, "SKIPGPT_DEVICE", ""),
                text(environment, "SKIPGPT_DTYPE", ""),
                budget.equals("full"));
    }

    private static String text(Map<String, String> environment, String name, String otherwise) {
        String value = environment.getOrDefault(name, "").strip();
        return value.isEmpty() ? otherwise : value;
    }

    /** Opens the workspace they name; frees the models of the one before. */
    Workspace open() {
        String place = device.isEmpty() ? (Torch.devices().size() > 1 ? "gpu" : "cpu") : device;
        return Workspace.open(place, dtype.isEmpty() ? (place.startsWith("gpu") ? "bf16" : "fp32") : dtype);
    }

    /**
     * Text to learn from.
     *
     * @param count how many documents at most, 1 or more; a corpus may have fewer
     */
    public List<String> documents(int count) {
        return corpus.isEmpty() ? SkipGpt.worldTexts(count, 100) : paragraphs(false, count);
    }

    /** Text that {@link #documents} never gives, to measure on. */
    public List<String> heldOut(int count) {
        return corpus.isEmpty() ? SkipGpt.worldTexts(count, 200) : paragraphs(true, count);
    }

    // Every tenth paragraph is held out; the order is drawn once, so that both kinds come from the whole corpus.
    private List<String> paragraphs(boolean held, int count) {
        Path where = Path.of(corpus);
        if (!Files.exists(where)) {
            throw new IllegalArgumentException("SKIPGPT_CORPUS is " + corpus
                    + ", which does not exist: give a text file, or" + " a folder of txt, jsonl, csv or parquet files");
        }
        List<String> all = new ArrayList<>();
        try (Stream<String> texts =
                TextFiles.of(where).withUnit(TextUnit.PARAGRAPH).open()) {
            texts.map(String::strip).filter(t -> t.length() >= SHORTEST).forEach(all::add);
        }
        if (all.size() < 20) {
            throw new IllegalArgumentException("SKIPGPT_CORPUS is " + corpus + " with " + all.size() + " paragraphs of "
                    + SHORTEST
                    + " characters or more; at least 20 are needed, a few hundred are good. Paragraphs are parted"
                    + " by empty lines");
        }
        List<String> some = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            if (i % 10 == 9 == held) {
                some.add(all.get(i));
            }
        }
        Collections.shuffle(some, new Random(SEED));
        return List.copyOf(some.subList(0, Math.min(count, some.size())));
    }

    @Override
    public String text() {
        return "model   " + model + "\ncorpus  " + (corpus.isEmpty() ? "the embedded world's text" : corpus)
                + "\ndevice  "
                + (device.isEmpty() ? "the first GPU, or the CPU" : device) + "\ndtype   "
                + (dtype.isEmpty() ? "bf16 on a GPU, fp32 on the CPU" : dtype) + "\nbudget  "
                + (full ? "full" : "small");
    }

    @Override
    public String toString() {
        return text();
    }
}
