/** Artifacts of Maven repositories for cells, resolved by Maven's own library. */
@NullMarked
package org.skipgpt.kernel.maven;

import org.jspecify.annotations.NullMarked;
