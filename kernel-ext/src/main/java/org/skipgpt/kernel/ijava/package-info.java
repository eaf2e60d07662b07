/** The extension in kernels on IJava's base library: ours, and stock IJava. */
@NullMarked
package org.skipgpt.kernel.ijava;

import org.jspecify.annotations.NullMarked;
