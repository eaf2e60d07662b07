@NullMarked
package org.skipgpt.kernel.wire;

import org.jspecify.annotations.NullMarked;
