/** The embedded world: a small set of facts, seeded English text about them, and seven small benchmarks. */
@NullMarked
package org.skipgpt.data.world;

import org.jspecify.annotations.NullMarked;
