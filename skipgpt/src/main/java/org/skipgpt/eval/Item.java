package org.skipgpt.eval;

import java.util.List;

/**
 * One question ready to be scored: pairs of a context and the text whose likelihood counts.
 *
 * @param place its place among the records that could be read, from 0
 * @param file where it stands
 * @param line the line it stands on, from 1
 * @param contexts one a pair; equal where only the continuations differ
 * @param continuations one a pair, with the space before them
 * @param gold the right pair, 0..pairs-1
 */
public record Item(int place, String file, long line, List<String> contexts, List<String> continuations, int gold) {
    /** Copies the lists. */
    public Item {
        contexts = List.copyOf(contexts);
        continuations = List.copyOf(continuations);
    }

    /** How many texts are compared. */
    public int pairs() {
        return contexts.size();
    }

    /** Characters (Unicode code points) of each continuation without its space: what acc_norm divides by. */
    public int[] lengths() {
        return continuations.stream()
                .mapToInt(text -> text.codePointCount(1, text.length()))
                .toArray();
    }
}
