@NullMarked
package org.skipgpt.kernel.live;

import org.jspecify.annotations.NullMarked;
