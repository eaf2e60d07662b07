/** Progress that moves: bars and figures that replace themselves, in any notebook that can update a display. */
@NullMarked
package org.skipgpt.kernel.live;

import org.jspecify.annotations.NullMarked;
