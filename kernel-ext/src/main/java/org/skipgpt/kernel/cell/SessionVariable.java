package org.skipgpt.kernel.cell;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A variable of the session as it stands.
 *
 * @param name its name
 * @param type its type as the cell declared it, e.g. {@code List<String>}
 * @param value what it holds; null as well where it cannot be used
 * @param remark why it cannot be used or has no value; empty where all is well
 */
public record SessionVariable(
        String name, String type, @Nullable Object value, Optional<String> remark) {}
