package org.skipgpt.eval;

import com.google.gson.JsonElement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.report.Identity;

/**
 * A task as data: how a record becomes a question, which texts are scored, and what counts as right.
 *
 * <pre>{@code
 * {"name": "piqa", "version": "1", "form": "choices", "query": "Question: {goal}\nAnswer:",
 *  "choices": ["{sol1}", "{sol2}"], "gold": "{label}", "metric": "acc", "split": "validation"}
 * }</pre>
 *
 * @param name what to call it
 * @param version changes whenever scores would change
 * @param form what is scored
 * @param query the context (choices, word) or the text after the context (contexts); a template
 * @param queryFilter a template filter for the whole query, e.g. {@code hellaswag}; empty for none
 * @param choices the texts compared: continuations, or contexts; a template that names a list stands for its entries
 * @param gold the right one: its place from 0, or its label; a template
 * @param labels labels of the choices in their order; empty where gold is a place
 * @param goldFile file beside the data with one gold a line, where records do not hold it; {@code {file}} stands for the
 *     data file's name without its ending; else empty
 * @param metric the score that tables show
 * @param split the part of the data that is scored
 * @param shotSplit the part examples come from
 * @param paperShots examples before each question in the preset {@code paper-shots}
 * @param answer how an answer is generated and compared; of the form {@code answer} alone
 */
public record TaskDescription(
        String name,
        String version,
        Form form,
        String query,
        String queryFilter,
        List<String> choices,
        String gold,
        List<String> labels,
        String goldFile,
        Metric metric,
        String split,
        String shotSplit,
        int paperShots,
        Optional<AnswerRules> answer) {
    private static final int MOST_SHOTS = 100;

    /** What of a record is scored. */
    public enum Form {
        /** P(choice | query) for every choice. */
        CHOICES,
        /** P(query | context) for every choice of context (WinoGrande's partial scoring). */
        CONTEXTS,
        /** P(word | query), right where greedy decoding gives the word (LAMBADA). */
        WORD,
        /** What is generated behind the query is compared with the right choice (GSM8K, TriviaQA). */
        ANSWER
    }

    /** The score that tables show. */
    public enum Metric {
        /** Share of records whose likeliest text is the right one. */
        ACC,
        /** The same after dividing log-likelihoods by the number of characters. */
        ACC_NORM,
        /** Share of records whose generated answer is the right text. */
        EXACT_MATCH;

        /** As tables name it: {@code acc}, {@code acc_norm} or {@code exact_match}. */
        public String shown() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Copies the lists and checks. */
    public TaskDescription {
        choices = List.copyOf(choices);
        labels = List.copyOf(labels);
        List<String> faults = new ArrayList<>();
        if (name.isBlank() || version.isBlank()) {
            faults.add("name and version must not be empty");
        }
        if (choices.isEmpty()) {
            faults.add("choices is empty: give at least one template");
        }
        if (paperShots < 0 || paperShots > MOST_SHOTS) {
            faults.add("paperShots " + paperShots + " is not allowed: expected 0.." + MOST_SHOTS);
        }
        if (form == Form.CONTEXTS && metric == Metric.ACC_NORM) {
            faults.add("acc_norm divides by the scored text, which contexts share: use acc");
        }
        if ((form == Form.ANSWER) != (metric == Metric.EXACT_MATCH) || (form == Form.ANSWER) != answer.isPresent()) {
            faults.add("the form answer, the metric exact_match and the field answer belong together: give all three or"
                    + " none");
        }
        if (!faults.isEmpty()) {
            throw new TaskException("task \"" + name + "\": " + String.join("; ", faults));
        }
    }

    /**
     * Reads a description.
     *
     * @throws TaskException if a field is missing, unknown or of the wrong kind
     */
    public static TaskDescription fromJson(String json) {
        String what = "task description";
        JsonFields object = JsonFields.of(Json.object(json, what, TaskException::new), what, TaskException::new);
        TaskDescription task = new TaskDescription(
                object.text("name", ""),
                object.text("version", ""),
                choice(Form.class, object, "form", Form.CHOICES),
                object.text("query", ""),
                object.text("queryFilter", ""),
                list(object, "choices"),
                object.text("gold", "0"),
                list(object, "labels"),
                object.text("goldFile", ""),
                choice(Metric.class, object, "metric", Metric.ACC),
                object.text("split", "test"),
                object.text("shotSplit", "train"),
                object.integer("paperShots", 0, 0, MOST_SHOTS),
                object.objectIfThere("answer").map(AnswerRules::of));
        object.refuseOthers();
        return task;
    }

    private static <T extends Enum<T>> T choice(Class<T> kind, JsonFields object, String field, T otherwise) {
        Map<String, T> known = Arrays.stream(kind.getEnumConstants())
                .collect(Collectors.toMap(one -> one.name().toLowerCase(Locale.ROOT), one -> one));
        String name = object.text(field, otherwise.name()).toLowerCase(Locale.ROOT);
        T one = known.get(name);
        if (one == null) {
            throw object.fault(field, "one of " + new TreeSet<>(known.keySet()));
        }
        return one;
    }

    private static List<String> list(JsonFields object, String field) {
        return object.json(field).filter(JsonElement::isJsonArray).isPresent()
                ? object.texts(field)
                : object.textIfThere(field).map(List::of).orElse(List.of());
    }

    /** The same under another name, for other data of the same form. */
    public TaskDescription named(String other) {
        return new TaskDescription(
                other,
                version,
                form,
                query,
                queryFilter,
                choices,
                gold,
                labels,
                goldFile,
                metric,
                split,
                shotSplit,
                paperShots,
                answer);
    }

    /** Name, version and everything that decides scores, for keys of stored results. */
    Identity identity() {
        Identity all = Identity.of("task")
                .with("name", name)
                .with("version", version)
                .with("form", form)
                .with("query", query)
                .with("queryFilter", queryFilter)
                .with("choices", choices)
                .with("gold", gold)
                .with("labels", labels)
                .with("goldFile", goldFile)
                .with("metric", metric)
                .with("split", split)
                .with("shotSplit", shotSplit)
                .with("paperShots", paperShots)
                .with("answer", answer, Optional.empty());
        return answer.isPresent() ? all : all.formerly(former());
    }

    // The text of this record before answers came, under which the first stores kept scores.
    private String former() {
        return "TaskDescription[name=" + name + ", version=" + version + ", form=" + form + ", query=" + query
                + ", queryFilter=" + queryFilter + ", choices=" + choices + ", gold=" + gold + ", labels=" + labels
                + ", goldFile=" + goldFile + ", metric=" + metric + ", split=" + split + ", shotSplit=" + shotSplit
                + ", paperShots=" + paperShots + "]";
    }
}
