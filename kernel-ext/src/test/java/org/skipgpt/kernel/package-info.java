@NullMarked
package org.skipgpt.kernel;

import org.jspecify.annotations.NullMarked;
