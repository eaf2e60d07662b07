package org.skipgpt.eval;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
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
        int paperShots) {
    private static final Set<String> FIELDS = Set.of(
            "name",
            "version",
            "form",
            "query",
            "queryFilter",
            "choices",
            "gold",
            "labels",
            "goldFile",
            "metric",
            "split",
            "shotSplit",
            "paperShots");

    /** What of a record is scored. */
    public enum Form {
        /** P(choice | query) for every choice. */
        CHOICES,
        /** P(query | context) for every choice of context (WinoGrande's partial scoring). */
        CONTEXTS,
        /** P(word | query), right where greedy decoding gives the word (LAMBADA). */
        WORD
    }

    /** The score that tables show. */
    public enum Metric {
        /** Share of records whose likeliest text is the right one. */
        ACC,
        /** The same after dividing log-likelihoods by the number of characters. */
        ACC_NORM;

        /** As tables name it: {@code acc} or {@code acc_norm}. */
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
        if (paperShots < 0 || paperShots > 100) {
            faults.add("paperShots " + paperShots + " is not allowed: expected 0..100");
        }
        if (form == Form.CONTEXTS && metric == Metric.ACC_NORM) {
            faults.add("acc_norm divides by the scored text, which contexts share: use acc");
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
        JsonObject object;
        try {
            object = JsonParser.parseString(json).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException e) {
            throw new TaskException("task description is no JSON object: " + e.getMessage(), e);
        }
        List<String> unknown =
                object.keySet().stream().filter(key -> !FIELDS.contains(key)).toList();
        if (!unknown.isEmpty()) {
            throw new TaskException("task description has unknown fields " + unknown + ": known are "
                    + FIELDS.stream().sorted().toList());
        }
        Form form = choice(Form.class, text(object, "form", "choices"));
        return new TaskDescription(
                text(object, "name", ""),
                text(object, "version", ""),
                form,
                text(object, "query", ""),
                text(object, "queryFilter", ""),
                list(object, "choices"),
                text(object, "gold", "0"),
                list(object, "labels"),
                text(object, "goldFile", ""),
                choice(Metric.class, text(object, "metric", "acc")),
                text(object, "split", "test"),
                text(object, "shotSplit", "train"),
                Integer.parseInt(text(object, "paperShots", "0")));
    }

    private static <T extends Enum<T>> T choice(Class<T> kind, String name) {
        for (T one : kind.getEnumConstants()) {
            if (one.name().equalsIgnoreCase(name)) {
                return one;
            }
        }
        throw new TaskException("\"" + name + "\" is not known: expected one of "
                + List.of(kind.getEnumConstants()).toString().toLowerCase(Locale.ROOT));
    }

    private static String text(JsonObject object, String field, String otherwise) {
        JsonElement value = object.get(field);
        return value == null ? otherwise : value.getAsString();
    }

    private static List<String> list(JsonObject object, String field) {
        JsonElement value = object.get(field);
        if (value == null) {
            return List.of();
        }
        if (!(value instanceof JsonArray array)) {
            return List.of(value.getAsString());
        }
        List<String> out = new ArrayList<>();
        array.forEach(one -> out.add(one.getAsString()));
        return out;
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
                paperShots);
    }

    /** Name, version and everything that decides scores, for keys of stored results. */
    Identity identity() {
        return Identity.of("task", this).formerly(toString());
    }
}
