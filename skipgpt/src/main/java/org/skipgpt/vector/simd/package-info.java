/** The inner loops in vectors of jdk.incubator.vector; nothing here is linked where that module is absent. */
@NullMarked
package org.skipgpt.vector.simd;

import org.jspecify.annotations.NullMarked;
