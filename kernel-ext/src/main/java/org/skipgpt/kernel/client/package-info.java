/** Talks to kernels over the wire, runs notebooks, checks them. Works with any Jupyter kernel of protocol 5. */
@NullMarked
package org.skipgpt.kernel.client;

import org.jspecify.annotations.NullMarked;
