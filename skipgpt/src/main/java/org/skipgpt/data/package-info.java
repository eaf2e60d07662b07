/** Text in, tokens out: tokenizers, corpora, packing, the small world. */
@NullMarked
package org.skipgpt.data;

import org.jspecify.annotations.NullMarked;
