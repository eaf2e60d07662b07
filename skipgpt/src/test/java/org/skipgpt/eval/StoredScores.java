package org.skipgpt.eval;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Puts scores into stores and finds them again, for studies of other packages. */
public final class StoredScores {
    private StoredScores() {}

    /** Adds a question of one choice. */
    public static void put(Path file, String key, double logLikelihood) {
        try (ScoreStore store = ScoreStore.open(file)) {
            store.put(key, Scores.choices(new double[] {logLikelihood}, new boolean[] {true}, new int[1]));
        }
    }

    /** What a store says of some questions of one choice; of others it must say nothing. */
    public static Map<String, Double> read(Path file, List<String> keys) {
        try (ScoreStore store = ScoreStore.open(file)) {
            Map<String, Double> found = new TreeMap<>();
            for (String key : keys) {
                Optional<Scores> scores = store.get(key, 1);
                scores.ifPresent(one -> found.put(key, one.logLikelihoods()[0]));
            }
            if (store.size() != found.size()) {
                throw new AssertionError(store.size() + " questions in " + file + ", known " + found);
            }
            return found;
        }
    }
}
