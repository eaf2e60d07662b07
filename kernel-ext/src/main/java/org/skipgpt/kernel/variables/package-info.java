/** The variables of a session as a tree that a front end can open, without running code of cells. */
@NullMarked
package org.skipgpt.kernel.variables;

import org.jspecify.annotations.NullMarked;
