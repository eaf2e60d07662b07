/** Speed of a model beside other programs that run it: prefill and decoding, in turns, in tokens a second. */
@NullMarked
package org.skipgpt.bench;

import org.jspecify.annotations.NullMarked;
