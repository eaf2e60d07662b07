package org.skipgpt.eval;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * One row of the tables of the SkipGPT paper (Zhao and others, 2025, Tables 1 and 2), as printed there.
 *
 * <p>The paper states no shots for its accuracies; two of its printed averages differ from the mean of their row by more
 * than rounding (LLaMA2-13B Joint Layer Drop, LLaMA2-7B LLM-Pruner with LoRA).
 *
 * @param table 1 or 2
 * @param model the base model
 * @param method the paper's name of it
 * @param ratio percent of parameters left out
 * @param scores percent and perplexities by task, {@code average} and {@code average_ppl}
 */
public record Reported(int table, String model, String method, double ratio, Map<String, Double> scores) {
    /** Copies the scores. */
    public Reported {
        scores = Map.copyOf(scores);
    }

    /** All rows. */
    public static List<Reported> all() {
        try (InputStream in = Reported.class.getResourceAsStream("reported/skipgpt-2025.csv")) {
            if (in == null) {
                throw new TaskException("the paper's numbers are missing in this build");
            }
            List<String> lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
                    .lines()
                    .toList();
            List<String> names = List.of(lines.get(0).split(","));
            return lines.stream().skip(1).map(line -> row(names, line)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Reported row(List<String> names, String line) {
        // The method, third, is quoted, for it may hold commas.
        int open = line.indexOf('"');
        int close = line.indexOf('"', open + 1);
        List<String> cells = new ArrayList<>(List.of(line.substring(0, open - 1).split(",")));
        cells.add(line.substring(open + 1, close));
        cells.addAll(List.of(line.substring(close + 2).split(",")));
        Map<String, Double> scores = new LinkedHashMap<>();
        for (int i = 4; i < names.size(); i++) {
            scores.put(names.get(i), Double.valueOf(cells.get(i)));
        }
        return new Reported(
                Integer.parseInt(cells.get(0)), cells.get(1), cells.get(2), Double.parseDouble(cells.get(3)), scores);
    }

    /**
     * The rows of one base model.
     *
     * @throws IllegalArgumentException if the paper has none
     */
    public static List<Reported> of(String model) {
        List<Reported> rows =
                all().stream().filter(row -> row.model().equals(model)).toList();
        if (rows.isEmpty()) {
            throw new IllegalArgumentException("the paper reports no model \"" + model + "\": it has "
                    + all().stream().map(Reported::model).distinct().toList());
        }
        return rows;
    }

    /**
     * The rows of the base model that a name means, e.g. {@code Llama-2-7b-hf} or {@code meta-llama/Llama-3.1-8B}; none where the paper
     * has no such model, or the name is that of a chat model.
     */
    public static List<Reported> like(String name) {
        String plain = name.substring(name.lastIndexOf('/') + 1)
                .toLowerCase(Locale.ROOT)
                .replaceAll("^meta-", "")
                .replaceAll("-hf$", "")
                .replaceAll("[^a-z0-9]", "");
        return all().stream()
                .filter(row -> row.model()
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^a-z0-9]", "")
                        .equals(plain))
                .toList();
    }

    /** A score by task or text, {@code average} or {@code average_ppl}; NaN where the paper has none. */
    public double score(String name) {
        return scores.getOrDefault(name, Double.NaN);
    }
}
