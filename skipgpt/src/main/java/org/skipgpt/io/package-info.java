/** Checkpoints and downloads: safetensors, Hugging Face folders, llama2.c files, the hub. */
@NullMarked
package org.skipgpt.io;

import org.jspecify.annotations.NullMarked;
