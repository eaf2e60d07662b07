/** The library in JShell, for those who like a terminal. */
@NullMarked
package org.skipgpt.kernel.shell;

import org.jspecify.annotations.NullMarked;
