/** What a model is before it has weights: its numbers, its family, how its parts are named and ordered, and how they turn. */
@NullMarked
package org.skipgpt.shape;

import org.jspecify.annotations.NullMarked;
