package org.skipgpt.kernel.cell;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Remembers which lines of which cell each snippet came from. */
final class SnippetPlaces {
    /**
     * A snippet's place.
     *
     * @param origin the cell, with the line of the snippet's first line
     * @param lines the snippet's source
     */
    record Place(CodeOrigin origin, List<String> lines) {
        /** E.g. {@code In[3], line 2}, for a line of the snippet counted from 1. */
        String describe(int line) {
            return origin.name() + ", line " + (origin.firstLine() + line - 1);
        }

        /** A line of the source, or nothing where there is none. */
        String line(int line) {
            return line >= 1 && line <= lines.size() ? lines.get(line - 1) : "";
        }
    }

    private final Map<String, Place> places = new HashMap<>();

    void put(String snippetId, CodeOrigin origin, String source) {
        places.put(snippetId, new Place(origin, source.lines().toList()));
    }

    @Nullable
    Place get(String snippetId) {
        return places.get(snippetId);
    }
}
