package org.skipgpt.analyze;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.io.Claim;
import org.skipgpt.io.Claims;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.report.WholeFile;

/** The points of a sweep as they came, with what each was measured on; several processes may add to one file. */
final class SweepFile {
    private static final int FORMAT = 2;

    private final Optional<Path> file;
    private final String data;
    private final Map<String, Known> points = new LinkedHashMap<>();

    private record Known(String identity, Scaling.Point point) {}

    private SweepFile(Optional<Path> file, String data) {
        this.file = file;
        this.data = data;
    }

    /**
     * Opens or begins a file.
     *
     * @param data hash of the texts
     * @throws IllegalArgumentException if the file is no sweep, or one on other texts
     */
    static SweepFile open(Optional<Path> file, String data) {
        SweepFile sweep = new SweepFile(file, data);
        file.filter(Files::exists).ifPresent(sweep::read);
        return sweep;
    }

    private void read(Path path) {
        JsonFields json = JsonFields.of(
                path, fault -> new IllegalArgumentException(path + " is no sweep that can go on: " + fault));
        json.integer("format", FORMAT, FORMAT);
        if (!json.text("data").equals(data)) {
            throw new IllegalArgumentException(
                    "the sweep in " + path + " was measured on other texts; give the same texts, or another file");
        }
        Numbers share = Numbers.between(0, 1);
        for (JsonFields one : json.objects("points")) {
            Scaling.Point point = new Scaling.Point(
                    one.text("method"),
                    one.text("setting"),
                    one.number("attention", share),
                    one.number("mlp", share),
                    one.number("parameters", share),
                    one.number("perplexity", Numbers.above(0)));
            points.put(key(point.method(), point.setting()), new Known(one.text("identity"), point));
            one.refuseOthers();
        }
        json.refuseOthers();
    }

    private static String key(String method, String setting) {
        return method + "\n" + setting;
    }

    /**
     * A trial's point, where it was measured before.
     *
     * @throws IllegalArgumentException if it was measured on another model
     */
    Optional<Scaling.Point> get(Scaling.Trial trial) {
        Optional<Known> known = Optional.ofNullable(points.get(key(trial.method(), trial.setting())));
        known.filter(k -> !k.identity.equals(trial.identity())).ifPresent(k -> {
            throw new IllegalArgumentException(
                    "the sweep in " + file.orElseThrow() + " measured " + trial.method() + " "
                            + trial.setting() + " on another model (" + k.identity + ", this is " + trial.identity()
                            + "); give another file");
        });
        return known.map(Known::point);
    }

    /** The same, and what other processes have added since. */
    Optional<Scaling.Point> getNew(Scaling.Trial trial) {
        file.filter(Files::exists).ifPresent(this::read);
        return get(trial);
    }

    /**
     * Keeps a point beside those that other processes have kept.
     *
     * @param claims of the file; one process at a time writes it
     */
    void add(Scaling.Trial trial, Scaling.Point point, Optional<Claims> claims) {
        if (file.isEmpty()) {
            points.put(key(trial.method(), trial.setting()), new Known(trial.identity(), point));
            return;
        }
        try (Claim alone = claims.orElseThrow().await("writing")) {
            file.filter(Files::exists).ifPresent(this::read);
            points.put(key(trial.method(), trial.setting()), new Known(trial.identity(), point));
            WholeFile.write(file.get(), Json.pretty(json()));
        }
    }

    private JsonObject json() {
        JsonObject json = new JsonObject();
        json.addProperty("format", FORMAT);
        json.addProperty("data", data);
        List<JsonObject> all = points.values().stream()
                .map(known -> {
                    JsonObject one = new Gson().toJsonTree(known.point()).getAsJsonObject();
                    one.addProperty("identity", known.identity());
                    return one;
                })
                .toList();
        json.add("points", new Gson().toJsonTree(all));
        return json;
    }
}
