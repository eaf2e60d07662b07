/** Tests. */
@NullMarked
package org.skipgpt.kernel.maven;

import org.jspecify.annotations.NullMarked;
