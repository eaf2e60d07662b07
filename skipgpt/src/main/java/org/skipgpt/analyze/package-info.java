/** What models do with tokens: redundancy, routing, cost; results of plain arrays. */
@NullMarked
package org.skipgpt.analyze;

import org.jspecify.annotations.NullMarked;
