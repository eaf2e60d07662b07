package org.skipgpt;

import java.io.Serializable;

/**
 * One row of a study's plan: small, and the same wherever it is made.
 *
 * @param method name of its method
 * @param ratio wanted share of the block parameters, 0 where nothing is skipped
 * @param seed of everything drawn, 0 where nothing is
 * @param name of its file without ending; holds a hash of all that decides the row's numbers
 */
public record StudyCell(String method, double ratio, long seed, String name) implements Serializable {}
