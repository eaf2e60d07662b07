package org.skipgpt.data.world;

import java.util.List;

/**
 * An everyday activity.
 *
 * @param activity such as {@code baking bread}
 * @param steps verb phrases in the third person, in order
 */
public record Script(String activity, List<String> steps) {

    /** Copies the list. */
    public Script {
        steps = List.copyOf(steps);
    }
}
