/** The Java kernel for Jupyter. */
@NullMarked
package org.skipgpt.kernel;

import org.jspecify.annotations.NullMarked;
