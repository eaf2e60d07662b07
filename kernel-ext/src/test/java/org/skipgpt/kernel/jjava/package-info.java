@NullMarked
package org.skipgpt.kernel.jjava;

import org.jspecify.annotations.NullMarked;
