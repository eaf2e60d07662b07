@NullMarked
package org.skipgpt.kernel.cell;

import org.jspecify.annotations.NullMarked;
