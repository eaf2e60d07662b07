/** One visible training loop; full training and every tuning stage are configurations of it. */
@NullMarked
package org.skipgpt.train;

import org.jspecify.annotations.NullMarked;
