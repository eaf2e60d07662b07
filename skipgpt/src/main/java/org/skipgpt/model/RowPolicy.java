package org.skipgpt.model;

import org.skipgpt.shape.ModuleSite;

/**
 * A policy's decisions about one row, from numbers that Java holds: a session's step in Java asks it without an array or a
 * call of the engine, either of which takes longer than a small module.
 *
 * <p>It decides as the policy that gives it does about a row of the same numbers, up to the rounding of sums. One thread at a time asks it.
 *
 * <pre>{@code
 * RowPolicy everySecond = (site, residual, layerInput, token, position) -> position % 2;
 * }</pre>
 */
@FunctionalInterface
public interface RowPolicy {
    /**
     * Decides about a module.
     *
     * @param residual D numbers of the stream that enters the module; read only
     * @param layerInput D numbers of the stream that entered the layer; read only
     * @param token id of the row's token
     * @param position of the row in its sequence, from 0
     * @return 0 where the row skips, else the finite weight of what the module adds to it
     */
    float weight(ModuleSite site, float[] residual, float[] layerInput, int token, int position);
}
