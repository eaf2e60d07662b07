/** What a model is told it got wrong: the text's next tokens, a dense teacher, and the gradient of both. */
@NullMarked
package org.skipgpt.loss;

import org.jspecify.annotations.NullMarked;
