package org.skipgpt.kernel.cell;

import org.jspecify.annotations.Nullable;

/**
 * What a piece of code ended with.
 *
 * @param isShown whether it ended with an expression that has no semicolon
 * @param value the expression's value
 */
public record CellValue(boolean isShown, @Nullable Object value) {
    /** Nothing to show. */
    public static final CellValue NONE = new CellValue(false, null);
}
