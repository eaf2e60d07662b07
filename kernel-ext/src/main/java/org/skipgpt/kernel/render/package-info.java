/** How results look in a notebook; knows no kernel. */
@NullMarked
package org.skipgpt.kernel.render;

import org.jspecify.annotations.NullMarked;
