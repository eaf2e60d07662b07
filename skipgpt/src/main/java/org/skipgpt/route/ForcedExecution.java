package org.skipgpt.route;

import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import org.skipgpt.model.Rows;
import org.skipgpt.shape.ModuleSite;

/**
 * Which rows execute whatever their router says.
 *
 * @param firstTokens this many first tokens of every sequence (D-LLM uses 2); 0 for none
 * @param layers layers whose modules run for every token
 */
public record ForcedExecution(int firstTokens, Set<Integer> layers) {
    /** Checks and copies. */
    public ForcedExecution {
        if (firstTokens < 0) {
            throw new IllegalArgumentException("forced first tokens " + firstTokens + ": expected 0 or more");
        }
        // Ascending: its text is part of what a run and a model are known by, in this process and the next.
        layers = Collections.unmodifiableSortedSet(new TreeSet<>(layers));
    }

    /** Nothing is forced. */
    public static ForcedExecution none() {
        return new ForcedExecution(0, Set.of());
    }

    /** With another number of first tokens. */
    public ForcedExecution withFirstTokens(int tokens) {
        return new ForcedExecution(tokens, layers);
    }

    /** With other layers. */
    public ForcedExecution withLayers(Set<Integer> other) {
        return new ForcedExecution(firstTokens, other);
    }

    boolean wholeModule(ModuleSite site) {
        return layers.contains(site.layer());
    }

    boolean isFirst(int position) {
        return position < firstTokens;
    }

    /** 1 for rows that must execute; empty where none must. */
    float[] rows(Rows rows) {
        if (firstTokens == 0) {
            return new float[0];
        }
        float[] forced = new float[rows.size()];
        for (int i = 0; i < forced.length; i++) {
            forced[i] = isFirst(rows.at()[i]) ? 1 : 0;
        }
        return forced;
    }
}
