package org.skipgpt.analyze;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.skipgpt.io.Claims;

/** Puts points into sweeps and finds them again, for studies of other packages. */
public final class SweptPoints {
    private SweptPoints() {}

    private static Scaling.Trial trial(String setting) {
        return new Scaling.Trial("m", setting, "identity", () -> {
            throw new IllegalStateException("nothing is measured here");
        });
    }

    /** Adds a point. */
    public static void put(Path file, String setting, double perplexity) {
        Scaling.Point point = new Scaling.Point("m", setting, 0.25, 0.25, 0.25, perplexity);
        try (Claims claims = Claims.of(file.resolveSibling(file.getFileName() + ".claims"))) {
            SweepFile.open(Optional.of(file), "texts").add(trial(setting), point, Optional.of(claims));
        }
    }

    /** The perplexities of some settings that a sweep has. */
    public static Map<String, Double> read(Path file, List<String> settings) {
        SweepFile sweep = SweepFile.open(Optional.of(file), "texts");
        Map<String, Double> found = new TreeMap<>();
        settings.forEach(
                setting -> sweep.get(trial(setting)).ifPresent(point -> found.put(setting, point.perplexity())));
        return found;
    }
}
