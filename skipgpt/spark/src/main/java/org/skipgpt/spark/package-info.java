/** Studies, questions and sweeps as jobs of Apache Spark; an optional part that the library finds at run time. */
@NullMarked
package org.skipgpt.spark;

import org.jspecify.annotations.NullMarked;
