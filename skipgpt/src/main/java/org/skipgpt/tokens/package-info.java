/** Text and token ids: tokenizers of every kind, chat templates, and texts cut into pieces. */
@NullMarked
package org.skipgpt.tokens;

import org.jspecify.annotations.NullMarked;
