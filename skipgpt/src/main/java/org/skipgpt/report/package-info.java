/** What a result looks like: text, picture, progress, provenance. Plain Java. */
@NullMarked
package org.skipgpt.report;

import org.jspecify.annotations.NullMarked;
