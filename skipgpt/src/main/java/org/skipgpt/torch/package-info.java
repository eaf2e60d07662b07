/** The only door to the engine: programs, gradients, element types, scopes. Nothing above imports engine internals. */
@NullMarked
package org.skipgpt.torch;

import org.jspecify.annotations.NullMarked;
