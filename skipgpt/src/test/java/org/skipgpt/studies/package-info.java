/** Programs run by hand that make the tables, figures and pages of the documentation, and long forms of tests: each has a main method and says how it is called. */
@NullMarked
package org.skipgpt.studies;

import org.jspecify.annotations.NullMarked;
