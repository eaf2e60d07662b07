/** The decoder: one forward pass for all families, K/V cache, generation, and the seam where layers are skipped. */
@NullMarked
package org.skipgpt.model;

import org.jspecify.annotations.NullMarked;
