/** Static pruning: criterion, ranking, plan, model view. */
@NullMarked
package org.skipgpt.prune;

import org.jspecify.annotations.NullMarked;
