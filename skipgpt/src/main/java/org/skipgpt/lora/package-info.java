/** Low-rank adapters: shape, start, merge, PEFT folders. */
@NullMarked
package org.skipgpt.lora;

import org.jspecify.annotations.NullMarked;
