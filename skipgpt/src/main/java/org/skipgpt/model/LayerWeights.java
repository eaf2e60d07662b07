package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import java.util.List;

/**
 * The weights of one layer, fused the way the forward pass reads them.
 *
 * @param attention norm (D), wq (HE, D), wkv (2GE, D), wo (D, HE), then where the family has them bq (HE), bkv (2GE),
 *     qnorm (E), knorm (E), postnorm (D): the argument order of the decoder's attention methods
 * @param mlp norm (D), wgu (2F, D), wd (D, F), then postnorm (D) where the family has it
 */
public record LayerWeights(List<NDArray> attention, List<NDArray> mlp) {
    /** Copies the lists. */
    public LayerWeights {
        attention = List.copyOf(attention);
        mlp = List.copyOf(mlp);
    }

    /** The weights of one module. */
    public List<NDArray> of(Module module) {
        return module == Module.ATTENTION ? attention : mlp;
    }

    /** Query matrix (HE, D). */
    public NDArray wq() {
        return attention.get(1);
    }

    /** Key over value matrix (2GE, D). */
    public NDArray wkv() {
        return attention.get(2);
    }

    /** Output matrix (D, HE). */
    public NDArray wo() {
        return attention.get(3);
    }

    /** Gate over up matrix (2F, D). */
    public NDArray wgu() {
        return mlp.get(1);
    }

    /** Down matrix (D, F). */
    public NDArray wd() {
        return mlp.get(2);
    }
}
