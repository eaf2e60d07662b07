@NullMarked
package org.skipgpt.kernel.magic;

import org.jspecify.annotations.NullMarked;
