/** Jupyter's messages on the wire: frames, signatures, sockets. Used by the kernel and by the client alike. */
@NullMarked
package org.skipgpt.kernel.wire;

import org.jspecify.annotations.NullMarked;
