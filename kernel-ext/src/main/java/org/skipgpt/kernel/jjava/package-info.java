/** The extension in JJava, found by its service interface. */
@NullMarked
package org.skipgpt.kernel.jjava;

import org.jspecify.annotations.NullMarked;
