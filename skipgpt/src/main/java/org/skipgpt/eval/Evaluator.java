package org.skipgpt.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Sha256;
import org.skipgpt.route.SparsityReport;

/**
 * Runs tasks by their names and gathers their results.
 *
 * <p>A task is a name of {@link Tasks}, a text's name ({@code wikitext2}, {@code ptb}) or the path of a description of
 * one's own, {@code my-task.json}, with its questions beside it in {@code my-task.jsonl} and examples, where shots are
 * asked for, in {@code my-task-shots.jsonl}.
 *
 * <pre>{@code
 * var result = new Evaluator(model, Path.of("data"), EvaluationOptions.defaults()).run(Tasks.PAPER, ProgressObserver.silent());
 * }</pre>
 */
public final class Evaluator {
    private static final int MEASURED_QUESTIONS = 16;

    private final LanguageModel model;
    private final TaskFolder folder;
    private final EvaluationOptions options;

    /**
     * An evaluator.
     *
     * @param data folder of the data sets
     */
    public Evaluator(LanguageModel model, Path data, EvaluationOptions options) {
        this.model = model;
        this.folder = new TaskFolder(data);
        this.options = options;
    }

    /** The paper's seven tasks, and its two perplexities where the folder has their texts. */
    public Evaluation runPreset(ProgressObserver observer) {
        List<String> names = new ArrayList<>(Tasks.PAPER);
        for (String text : Tasks.TEXTS) {
            folder.text(text).ifPresent(file -> names.add(text));
        }
        return run(names, observer);
    }

    /**
     * Runs tasks one after another, each once however often it is named; an interrupted thread ends the run and keeps
     * what is done.
     *
     * @throws TaskException before anything is scored, if a task or its data is not known
     */
    public Evaluation run(List<String> names, ProgressObserver observer) {
        long start = System.nanoTime();
        List<TaskData> tasks = new ArrayList<>();
        List<Path> texts = new ArrayList<>();
        List<String> textNames = new ArrayList<>();
        Set<String> sources = new LinkedHashSet<>();
        for (String name : new LinkedHashSet<>(names)) {
            if (TaskFolder.texts().contains(name)) {
                Path text = folder.text(name).orElseThrow(() -> missing(name, TaskFolder.places(name)));
                textNames.add(name);
                texts.add(text);
                sources.add(source(name, Sha256.of(text)));
            } else {
                TaskData data = data(name);
                tasks.add(data);
                sources.add(source(name, data.hash()));
            }
        }
        List<TaskResult> results = score(tasks, observer);
        List<Perplexity> perplexities = new ArrayList<>();
        boolean complete = results.stream().allMatch(TaskResult::isComplete);
        double ratio = Double.NaN;
        try {
            for (int i = 0; i < texts.size() && complete; i++) {
                PerplexityOptions how = PerplexityOptions.named(textNames.get(i));
                perplexities.add(Perplexity.of(model, textNames.get(i), texts.get(i), how, observer));
                complete = perplexities.get(i).isComplete();
            }
            ratio = complete ? ratio(tasks, texts) : Double.NaN;
        } catch (CancellationException e) {
            complete = false;
        }
        Provenance provenance = model.provenance(options.toString())
                .withData(String.join(" and ", sources), "")
                .withSeconds((System.nanoTime() - start) / 1e9);
        return new Evaluation(
                Evaluation.method(model), options.preset(), ratio, results, perplexities, complete, provenance);
    }

    /** Results up to the first that was stopped. */
    private List<TaskResult> score(List<TaskData> tasks, ProgressObserver observer) {
        List<TaskResult> results = new ArrayList<>();
        try (ScoreStore store = options.store().map(ScoreStore::open).orElseGet(ScoreStore::none)) {
            Scorer scorer = new Scorer(model, options.scoring(), store);
            for (TaskData task : tasks) {
                results.add(scorer.score(task, observer));
                if (!results.get(results.size() - 1).isComplete()) {
                    break;
                }
            }
        }
        return results;
    }

    /** What the result says its data is. */
    private String source(String name, String hash) {
        return WorldData.has(hash)
                ? WorldData.NAME
                : name.endsWith(".json") ? name : folder.root().toString();
    }

    private TaskException missing(String name, List<String> places) {
        return new TaskException("no data for \"" + name + "\" in " + folder.root() + ": looked for " + places
                + "; give the folder that has it, set SKIPGPT_DATA to it, or bring it here with DatasetFetcher");
    }

    /** A task's questions with the preset's examples. */
    TaskData data(String name) {
        if (name.endsWith(".json")) {
            return own(Path.of(name));
        }
        TaskDescription described = Tasks.named(name);
        Path file = folder.questions(described)
                .orElseThrow(() -> missing(
                        name,
                        List.of(
                                described.name() + ".jsonl",
                                described.name() + "." + described.split() + ".jsonl",
                                "and the manifest's files")));
        TaskDescription task = Tasks.fitting(described, file);
        return read(task, file, folder.examples(task));
    }

    private TaskData own(Path description) {
        TaskDescription task = Tasks.open(description);
        String stem = String.valueOf(description.getFileName()).replaceAll("\\.json$", "");
        Path data = TaskFolder.beside(description.resolveSibling(stem))
                .filter(file -> !file.equals(description))
                .orElseThrow(() -> new TaskException("no questions beside " + description + ": expected " + stem
                        + ".jsonl, .jsonl.gz, .jsonl.zst, .csv or .parquet"));
        return read(task, data, TaskFolder.beside(description.resolveSibling(stem + "-shots")));
    }

    private TaskData read(TaskDescription task, Path file, Optional<Path> examples) {
        int shots = options.preset().shots(task);
        TaskData data;
        if (shots == 0) {
            data = TaskData.read(task, file);
        } else if (examples.isPresent() || options.examplesFromQuestions()) {
            data = TaskData.read(task, file, examples.orElse(file), shots);
        } else {
            throw new TaskException(shots + " shots of \"" + task.name() + "\" need examples, and beside " + file
                    + " there is neither " + task.name() + "-shots.jsonl nor " + task.name() + "." + task.shotSplit()
                    + ".jsonl; put one there, or take them from the questions withExamplesFromQuestions()");
        }
        return options.first() == 0 ? data : data.first(options.first());
    }

    // Measured apart from scoring, so that stored scores do not change it; the first questions of each task in turn.
    private double ratio(List<TaskData> tasks, List<Path> texts) {
        List<int[]> sample = new ArrayList<>();
        int left = options.scoring().batchTokens();
        for (int q = 0; q < MEASURED_QUESTIONS; q++) {
            for (TaskData data : tasks) {
                if (q < data.items().size() && left > 0) {
                    Item item = data.items().get(q);
                    int[] ids = cut(item.contexts().get(item.gold())
                            + item.continuations().get(item.gold()));
                    sample.add(ids);
                    left -= ids.length;
                }
            }
        }
        if (sample.isEmpty() && !texts.isEmpty()) {
            sample.add(cut(Perplexity.read(texts.get(0), PerplexityOptions.wikitext2())));
        }
        return sample.isEmpty()
                ? Double.NaN
                : SparsityReport.of(model, sample.toArray(new int[0][])).cost().paramsOfBlocks();
    }

    private int[] cut(String text) {
        int[] ids = model.tokenizer().encodeWithBos(text);
        return Arrays.copyOfRange(ids, Math.max(0, ids.length - model.config().maxPositions()), ids.length);
    }
}
