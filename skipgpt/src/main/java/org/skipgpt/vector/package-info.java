/** One row on a CPU: inner loops over weights where they lie, and the threads that share them. */
@NullMarked
package org.skipgpt.vector;

import org.jspecify.annotations.NullMarked;
