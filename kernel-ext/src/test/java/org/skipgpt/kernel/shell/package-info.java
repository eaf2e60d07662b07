@NullMarked
package org.skipgpt.kernel.shell;

import org.jspecify.annotations.NullMarked;
