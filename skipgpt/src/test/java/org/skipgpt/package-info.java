@NullMarked
package org.skipgpt;

import org.jspecify.annotations.NullMarked;
