package org.skipgpt.train;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.report.Column;
import org.skipgpt.report.TextTable;

/** What a run measured at each step, one row a step; columns may be missing in some rows. */
public final class TrainingLog {
    /** Steps a number is averaged over wherever one says how a run stands. */
    static final int WINDOW = 20;

    private final List<Map<String, Double>> rows = new ArrayList<>();

    /** Adds a row; the column {@code step} is its key. */
    void add(Map<String, Double> row) {
        rows.add(new LinkedHashMap<>(row));
    }

    /** The rows in order of step. */
    public List<Map<String, Double>> rows() {
        return List.copyOf(rows);
    }

    /** Names of all columns, in order of appearance. */
    public Set<String> columns() {
        return rows.stream().flatMap(r -> r.keySet().stream()).collect(Collectors.toCollection(LinkedHashSet::new));
    }

    /** Values of a column where it was measured. */
    public double[] column(String name) {
        return rows.stream()
                .filter(r -> r.containsKey(name))
                .mapToDouble(r -> value(r, name))
                .toArray();
    }

    /** Steps at which a column was measured. */
    public double[] steps(String name) {
        return rows.stream()
                .filter(r -> r.containsKey(name))
                .mapToDouble(r -> value(r, "step"))
                .toArray();
    }

    /** Mean of a column's last values; NaN where there are none. */
    public double recent(String name, int count) {
        double[] all = column(name);
        double sum = 0;
        int n = Math.min(count, all.length);
        for (int i = all.length - n; i < all.length; i++) {
            sum += all[i];
        }
        return n == 0 ? Double.NaN : sum / n;
    }

    /** How a column stands: its mean over the last {@link #WINDOW} steps, or its last value where it was measured before them. */
    double standing(String name) {
        List<Map<String, Double>> last = rows.subList(Math.max(0, rows.size() - WINDOW), rows.size());
        return last.stream()
                .filter(r -> r.containsKey(name))
                .mapToDouble(r -> value(r, name))
                .average()
                .orElseGet(() -> recent(name, 1));
    }

    /** What {@link #standing} is the mean of, in words. */
    String window() {
        return rows.size() == 1 ? "of the one step" : "mean of the last " + Math.min(WINDOW, rows.size()) + " steps";
    }

    /** Means over groups of steps; a group's step is its last one, and a column counts where it was measured. */
    public TrainingLog thinned(int group) {
        TrainingLog out = new TrainingLog();
        for (int from = 0; from < rows.size(); from += group) {
            List<Map<String, Double>> part = rows.subList(from, Math.min(from + group, rows.size()));
            Map<String, Double> mean = new LinkedHashMap<>();
            for (String name : columns()) {
                part.stream()
                        .filter(row -> row.containsKey(name))
                        .mapToDouble(row -> value(row, name))
                        .average()
                        .ifPresent(value -> mean.put(name, value));
            }
            mean.put("step", value(part.get(part.size() - 1), "step"));
            out.add(mean);
        }
        return out;
    }

    private static double value(Map<String, Double> row, String name) {
        return row.getOrDefault(name, Double.NaN);
    }

    /** Seconds spent in steps, those before a continuation included; evaluations and checkpoints are not. */
    public double seconds() {
        return rows.stream()
                .filter(r -> r.containsKey("tokens/s"))
                .mapToDouble(r -> value(r, "tokens") / value(r, "tokens/s"))
                .sum();
    }

    /** The log as comma-separated text with a header line. */
    public String csv() {
        List<String> names = List.copyOf(columns());
        StringBuilder out = new StringBuilder(String.join(",", names)).append('\n');
        for (Map<String, Double> row : rows) {
            out.append(names.stream()
                            .map(n -> row.containsKey(n) ? Double.toString(value(row, n)) : "")
                            .collect(Collectors.joining(",")))
                    .append('\n');
        }
        return out.toString();
    }

    /** The log as a table, a row a step; text shows the first and last rows. */
    public TextTable table(String title) {
        List<String> names = List.copyOf(columns());
        if (names.isEmpty()) {
            return TextTable.of(title + ": no step yet", Column.number("step", 0));
        }
        TextTable.Builder table = TextTable.builder(
                title, names.stream().map(n -> Column.number(n, decimals(n))).toList());
        for (Map<String, Double> row : rows) {
            table.add(names.stream().map(n -> (Object) value(row, n)).toArray());
        }
        return table.build();
    }

    private static int decimals(String name) {
        switch (name) {
            case "step":
            case "tokens":
            case "tokens/s":
                return 0;
            case "learning rate":
                return 6;
            default:
                return 4;
        }
    }

    String json() {
        return new Gson().toJson(rows);
    }

    /** Reads {@link #json} back; the file names it in messages. */
    static TrainingLog parse(String json, Path file) {
        String what = "The log in " + file;
        TrainingLog log = new TrainingLog();
        for (JsonFields row : JsonFields.of(Json.object("{\"rows\":" + json + "}", what), what)
                .objects("rows")) {
            Map<String, Double> values = new LinkedHashMap<>();
            row.names().forEach(name -> values.put(name, row.number(name, Numbers.any())));
            log.rows.add(values);
        }
        return log;
    }

    /** Refuses a log that does not end at a run's step. */
    void checkSteps(long step, Path file) {
        for (int i = 0; i < rows.size(); i++) {
            if (rows.size() != step || value(rows.get(i), "step") != i) {
                throw new CheckpointException("file " + file + " has a log of " + rows.size() + " steps for a run of "
                        + step + " steps, or one out of order: remove it to begin again");
            }
        }
    }
}
