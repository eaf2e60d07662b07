/** Static verbs for notebooks and JShell. */
@NullMarked
package org.skipgpt;

import org.jspecify.annotations.NullMarked;
