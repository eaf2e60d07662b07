package org.skipgpt.io;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Finds the names a mistyped name may have meant. */
final class NearNames {
    private static final int SHOWN = 3;

    private NearNames() {}

    /** The error for a tensor that is not in a checkpoint, with the nearest names that are. */
    static CheckpointException missing(String name, Collection<String> names, Object where) {
        String near = names.isEmpty() ? "it holds no tensors" : "near names: " + String.join(", ", near(name, names));
        return new CheckpointException("No tensor '" + name + "' among the " + names.size() + " of " + where + "; "
                + near + ". Check the name, or that the checkpoint is of the expected family.");
    }

    static List<String> near(String name, Collection<String> names) {
        return names.stream()
                .sorted(Comparator.comparingInt((String other) -> distance(name, other))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(SHOWN)
                .toList();
    }

    /** How many letters have to be put in, left out or changed. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
