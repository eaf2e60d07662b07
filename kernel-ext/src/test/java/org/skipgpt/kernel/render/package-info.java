@NullMarked
package org.skipgpt.kernel.render;

import org.jspecify.annotations.NullMarked;
