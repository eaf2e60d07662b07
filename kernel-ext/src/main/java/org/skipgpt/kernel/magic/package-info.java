/** Magics: lines that begin with {@code %} and cells that begin with {@code %%}. */
@NullMarked
package org.skipgpt.kernel.magic;

import org.jspecify.annotations.NullMarked;
