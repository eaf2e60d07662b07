/** Learned routing: routers, gate, temperature, budget, trace, costs. */
@NullMarked
package org.skipgpt.route;

import org.jspecify.annotations.NullMarked;
