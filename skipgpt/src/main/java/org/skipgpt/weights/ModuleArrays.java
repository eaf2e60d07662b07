package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.skipgpt.torch.TorchProgram;

/** The weights of one module, wherever they are. */
interface ModuleArrays {
    /** The arrays as they were loaded, to keep. */
    List<NDArray> plain();

    /** The arrays for one call, their matrices in the kernels' order where a program that asks for it is given. */
    WeightLease take(Optional<TorchProgram> reordering);

    /** As they are held: blocks as blocks. */
    List<Stored> stored();

    /** Whether some of them are blocks. */
    boolean isInBlocks();

    /** Bytes of its blocks. */
    long blockBytes();

    /** Says that the arrays change in place from now on. */
    void changing();

    boolean isChanging();
}
