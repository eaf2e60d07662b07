package org.skipgpt.route;

import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.skipgpt.shape.ModuleSite;

/**
 * Fewest and most rows of a micro-batch that may execute each module while routers learn; keeps gates from closing or
 * opening for good.
 *
 * <p>Rows beyond a bound are flipped in the order of their noisy logits. At inference tokens never compete, since a
 * later token must not change an earlier one; there the thresholds decide.
 *
 * @param least share of rows that execute at least, 0..1
 * @param most share of rows that execute at most, least..1
 * @param own other bounds of single modules
 */
public record ExecutionBounds(double least, double most, Map<ModuleSite, ExecutionBounds> own) {
    /** Checks the range. */
    public ExecutionBounds {
        // In forward order: its text is part of what runs of an earlier version are known by.
        Map<ModuleSite, ExecutionBounds> ordered = new TreeMap<>(Comparator.comparingInt(ModuleSite::index));
        ordered.putAll(own);
        own = Collections.unmodifiableMap(ordered);
        if (!(least >= 0 && least <= most && most <= 1)) {
            throw new IllegalArgumentException(
                    "execution bounds " + least + ".." + most + ": expected 0 <= least <= most <= 1");
        }
    }

    /** The same bounds for every module. */
    public ExecutionBounds(double least, double most) {
        this(least, most, Map.of());
    }

    /** With bounds of its own for one module; under a coupled router those of a layer's attention count for both. */
    public ExecutionBounds with(ModuleSite site, double itsLeast, double itsMost) {
        Map<ModuleSite, ExecutionBounds> more = new HashMap<>(own);
        more.put(site, new ExecutionBounds(itsLeast, itsMost));
        return new ExecutionBounds(least, most, more);
    }

    ExecutionBounds at(ModuleSite site) {
        return own.getOrDefault(site, this);
    }

    /** No bounds. */
    public static ExecutionBounds none() {
        return new ExecutionBounds(0, 1);
    }

    long[] rows(int n) {
        boolean open = least == 0 && most == 1;
        return open
                ? new long[0]
                : new long[] {(long) Math.ceil(least * n), Math.max((long) (most * n), (long) Math.ceil(least * n))};
    }
}
