package org.skipgpt.eval;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.skipgpt.data.DataFault;
import org.skipgpt.data.DataRow;
import org.skipgpt.data.DataRows;
import org.skipgpt.eval.TaskDescription.Form;
import org.skipgpt.io.BoundedFile;
import org.skipgpt.report.Sha256;

/**
 * The questions of a task read from a file, with their examples before them; records that do not fit are named and the
 * rest is kept.
 *
 * <p>Examples are drawn as lm-evaluation-harness draws them: one generator {@code Random(1234)} a task, consumed in the
 * order of the questions; where the scored part is not called test, or examples come from the questions themselves, one
 * more is drawn and the question itself left out.
 *
 * <pre>{@code
 * TaskData piqa = TaskData.read(Tasks.named("piqa"), Path.of("piqa/valid.jsonl"));
 * }</pre>
 *
 * @param task what the records mean
 * @param shots examples before each question
 * @param items the questions
 * @param faults records that did not fit
 * @param source the file, and that of the examples
 * @param hash sha256 of the file of the questions, in hex
 */
public record TaskData(
        TaskDescription task, int shots, List<Item> items, List<DataFault> faults, String source, String hash) {
    /** Longest question or choice in characters; longer ones are faults, not hours of work. */
    public static final int LONGEST = 200_000;

    private static final long SEED = 1234;

    /** Copies the lists. */
    public TaskData {
        items = List.copyOf(items);
        faults = List.copyOf(faults);
    }

    /** The questions of a file without examples. */
    public static TaskData read(TaskDescription task, Path file) {
        List<DataFault> faults = new ArrayList<>();
        List<Question> questions = questions(task, file, faults);
        return of(task, 0, questions, List.of(), faults, file.toString(), Sha256.of(file));
    }

    /**
     * The questions of a file, each after some examples.
     *
     * @param examples the file of the task's {@code shotSplit}; the same file where that part does not exist
     * @param shots how many, 1..100
     */
    public static TaskData read(TaskDescription task, Path file, Path examples, int shots) {
        if (shots < 1 || shots > 100) {
            throw new IllegalArgumentException(
                    shots + " shots are not allowed: expected 1..100, or read without examples");
        }
        List<DataFault> faults = new ArrayList<>();
        List<Question> questions = questions(task, file, faults);
        List<Question> from = examples.equals(file) ? questions : questions(task, examples, faults);
        return of(task, shots, questions, from, faults, file + " after examples of " + examples, Sha256.of(file));
    }

    /** The first questions only. */
    public TaskData first(int count) {
        return new TaskData(task, shots, items.subList(0, Math.min(count, items.size())), faults, source, hash);
    }

    /** The part of the questions whose place modulo {@code of} is {@code part}. */
    public TaskData part(int part, int of) {
        return new TaskData(
                task,
                shots,
                items.stream().filter(item -> item.place() % of == part).toList(),
                faults,
                source,
                hash);
    }

    private static TaskData of(
            TaskDescription task,
            int shots,
            List<Question> questions,
            List<Question> examples,
            List<DataFault> faults,
            String source,
            String hash) {
        PythonRandom random = new PythonRandom(SEED);
        // the harness draws one more unless the examples' part is known to differ from a part called test
        boolean apart = task.split().equals("test") && !examples.equals(questions);
        int drawn = shots + (apart ? 0 : 1);
        if (shots > 0 && examples.size() < drawn) {
            throw new TaskException(shots + " shots of task \"" + task.name() + "\" need " + drawn + " examples, but "
                    + source + " has " + examples.size() + "; give more examples or fewer shots");
        }
        List<Item> items = new ArrayList<>();
        for (Question question : questions) {
            StringBuilder before =
                    new StringBuilder(task.answer().map(AnswerRules::before).orElse(""));
            if (shots > 0) {
                int taken = 0;
                for (int chosen : random.sample(examples.size(), drawn)) {
                    Question example = examples.get(chosen);
                    if (taken < shots && !example.record().equals(question.record())) {
                        before.append(example.worked()).append("\n\n");
                        taken++;
                    }
                }
            }
            items.add(question.item(items.size(), before.toString()));
        }
        return new TaskData(task, shots, items, faults, source, hash);
    }

    private static List<Question> questions(TaskDescription task, Path file, List<DataFault> faults) {
        List<String> gold = task.goldFile().isEmpty() ? List.of() : goldLines(task, file);
        List<Question> questions = new ArrayList<>();
        try (Stream<DataRow> rows = DataRows.open(file, faults::add)) {
            rows.forEach(row -> {
                try {
                    questions.add(Question.of(task, row, gold));
                } catch (TaskException | UnsupportedOperationException | IllegalStateException e) {
                    faults.add(new DataFault(row.file(), row.line(), String.valueOf(e.getMessage())));
                }
            });
        }
        return questions;
    }

    /** Why a file's first record is none of a task; empty where it is one. */
    static Optional<String> misfit(TaskDescription task, Path file) {
        try (Stream<DataRow> rows = DataRows.open(file, fault -> {})) {
            Optional<DataRow> first = rows.findFirst();
            if (first.isEmpty()) {
                return Optional.of("no record can be read");
            }
            List<String> gold = task.goldFile().isEmpty() ? List.of() : goldLines(task, file);
            Question.of(task, first.get(), gold);
            return Optional.empty();
        } catch (TaskException | UnsupportedOperationException | IllegalStateException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private static List<String> goldLines(TaskDescription task, Path file) {
        String stem = String.valueOf(file.getFileName()).replaceFirst("\\..*", "");
        Path name = Path.of(task.goldFile().replace("{file}", stem));
        if (!name.equals(name.getFileName())) {
            throw new TaskException("goldFile \"" + task.goldFile() + "\" has a folder in it: give a plain file name");
        }
        return BoundedFile.text(
                        file.resolveSibling(name),
                        BoundedFile.MOST_BYTES,
                        why -> new TaskException("the labels of " + file + " cannot be read: " + why))
                .lines()
                .toList();
    }

    /** A record made into texts. */
    private record Question(
            TaskDescription task, DataRow row, String query, List<String> choices, int gold, JsonObject record) {
        static Question of(TaskDescription task, DataRow row, List<String> goldLines) {
            JsonObject record = row.fields();
            String query =
                    checked("query", Template.filtered(new Template(task.query()).render(record), task.queryFilter()));
            List<String> choices = Template.renderAll(task.choices(), record);
            if (task.form() == Form.ANSWER && query.isBlank()) {
                throw new TaskException("an empty question; expected a text to answer");
            }
            if (choices.isEmpty()) {
                throw new TaskException("no choices; expected at least one");
            }
            choices.forEach(choice -> {
                if (checked("choice", choice).isBlank()) {
                    throw new TaskException("an empty choice; expected text in each of " + choices.size());
                }
            });
            if (task.form() == Form.CONTEXTS && query.isBlank()) {
                throw new TaskException("nothing after the contexts; expected a text to score");
            }
            return new Question(task, row, query, choices, gold(task, row, choices.size(), goldLines), record);
        }

        private static String checked(String what, String text) {
            if (text.length() > LONGEST) {
                throw new TaskException("a " + what + " of " + text.length() + " characters; at most " + LONGEST
                        + " are scored: shorten the record");
            }
            return text;
        }

        private static int gold(TaskDescription task, DataRow row, int choices, List<String> lines) {
            if (!task.goldFile().isEmpty() && row.line() > lines.size()) {
                throw new TaskException(
                        task.goldFile() + " has " + lines.size() + " lines, none for line " + row.line());
            }
            String given = task.goldFile().isEmpty()
                    ? new Template(task.gold()).render(row.fields())
                    : lines.get((int) row.line() - 1).strip();
            List<String> labels = Template.renderAll(task.labels(), row.fields());
            int gold = labels.isEmpty() ? place(given) : labels.indexOf(given);
            if (gold < 0 || gold >= choices) {
                throw new TaskException("label \"" + Template.head(given) + "\" is out of range: expected "
                        + (labels.isEmpty() ? "0.." + (choices - 1) : "one of " + labels));
            }
            return gold;
        }

        private static int place(String given) {
            try {
                double value = Double.parseDouble(given);
                return value == Math.rint(value) && Math.abs(value) < 1e6 ? (int) value : -1;
            } catch (NumberFormatException e) {
                return -1;
            }
        }

        /** The question with its right answer, as an example. */
        String worked() {
            return task.form() == Form.CONTEXTS ? choices.get(gold) + " " + query : query + " " + choices.get(gold);
        }

        Item item(int place, String before) {
            List<String> contexts = new ArrayList<>();
            List<String> continuations = new ArrayList<>();
            boolean one = task.answer().filter(rules -> !rules.any()).isPresent();
            for (String choice : one ? List.of(choices.get(gold)) : choices) {
                contexts.add(before + (task.form() == Form.CONTEXTS ? choice : query));
                continuations.add(" " + (task.form() == Form.CONTEXTS ? query : choice));
            }
            return new Item(place, row.file(), row.line(), contexts, continuations, one ? 0 : gold);
        }
    }
}
