package org.skipgpt.eval;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The task descriptions that come with the library: the paper's seven and LAMBADA, each for the data set's own records
 * ({@code piqa}) and for records that are questions already ({@code piqa-queries}: query, choices, gold); five also
 * as their authors' own files have them ({@code piqa-files}: labels in a file of their own; {@code arc_easy-files}: nested records).
 * Others ask for an answer in the model's own words: {@link #ANSWERS}.
 */
public final class Tasks {
    /** The seven accuracy tasks in the order of the paper's tables. */
    public static final List<String> PAPER =
            List.of("openbookqa", "winogrande", "piqa", "hellaswag", "boolq", "arc_easy", "arc_challenge");

    /**
     * Tasks whose answer is generated: GSM8K read strictly and flexibly, TriviaQA without context, and questions of three of the
     * seven without their choices.
     */
    public static final List<String> ANSWERS = List.of(
            "gsm8k", "gsm8k-flexible", "triviaqa", "openbookqa-answers", "arc_easy-answers", "arc_challenge-answers");

    /** The texts whose perplexity the paper's tables show. */
    public static final List<String> TEXTS = List.of("wikitext2", "ptb");

    private static final List<String> FORMS = List.of("", "-queries");
    private static final List<String> FILES =
            List.of("openbookqa-files", "piqa-files", "boolq-files", "arc_easy-files", "arc_challenge-files");

    private Tasks() {}

    /** The names of all descriptions. */
    public static List<String> names() {
        List<String> names = new ArrayList<>();
        for (String name : PAPER) {
            FORMS.forEach(form -> names.add(name + form));
        }
        FORMS.forEach(form -> names.add("lambada" + form));
        names.addAll(FILES);
        names.addAll(ANSWERS);
        return names;
    }

    /**
     * A description by its name.
     *
     * @throws TaskException if there is none; the message lists the names
     */
    public static TaskDescription named(String name) {
        if (!names().contains(name)) {
            throw new TaskException("\"" + name + "\" is not known: expected a preset (zero-shot, paper-shots or e.g."
                    + " 5-shot), a text " + TEXTS + ", a task " + names()
                    + ", or the path of a description of your own, my-task.json");
        }
        try (InputStream in = Tasks.class.getResourceAsStream("tasks/" + name + ".json")) {
            if (in == null) {
                throw new TaskException("the description of task \"" + name + "\" is missing in this build");
            }
            return TaskDescription.fromJson(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The form of a description that a file's records have: its own, {@code -files} or {@code -queries}.
     *
     * @throws TaskException if the first record is none of them; each form's reason is named
     */
    static TaskDescription fitting(TaskDescription task, Path file) {
        List<String> reasons = new ArrayList<>();
        for (String form : List.of(task.name(), task.name() + "-files", task.name() + "-queries")) {
            if (names().contains(form)) {
                Optional<String> misfit = TaskData.misfit(named(form), file);
                if (misfit.isEmpty()) {
                    return named(form);
                }
                reasons.add(form + ": " + misfit.get());
            }
        }
        throw new TaskException(file + " holds no records of task \"" + task.name() + "\": " + reasons
                + "; give the data set's own records, or a description of your own");
    }

    /** A description from a file of your own. */
    public static TaskDescription open(Path file) {
        try {
            return TaskDescription.fromJson(Files.readString(file));
        } catch (IOException e) {
            String stem = String.valueOf(file.getFileName()).replaceAll("\\.json$", "");
            String named = names().contains(stem) ? "\"" + stem + "\"" : "one of " + names();
            throw new TaskException(
                    "the task description " + file + " cannot be read, " + FileFault.reason(e)
                            + ": give the path of a description of your own, or a task's name without .json, " + named,
                    e);
        } catch (TaskException e) {
            throw new TaskException(file + ": " + e.getMessage(), e);
        }
    }
}
