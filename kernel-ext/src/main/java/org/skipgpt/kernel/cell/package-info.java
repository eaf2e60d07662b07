/** Runs, completes, explains and stops the Java code of cells, by JShell. Knows nothing of Jupyter's wire. */
@NullMarked
package org.skipgpt.kernel.cell;

import org.jspecify.annotations.NullMarked;
