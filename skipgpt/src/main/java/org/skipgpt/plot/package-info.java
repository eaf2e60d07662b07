/** Figures: lines, bars, points, heat maps, shaded tokens; as PNG, SVG and numbers. */
@NullMarked
package org.skipgpt.plot;

import org.jspecify.annotations.NullMarked;
