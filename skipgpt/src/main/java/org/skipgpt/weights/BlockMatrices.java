package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.skipgpt.io.BlockFormat;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.report.Interruption;
import org.skipgpt.torch.Dtype;

/** Matrices of a model that is loaded as blocks: as a file stores them, else rounded; for other element types as they are. */
final class BlockMatrices {
    private final Dtype dtype;
    private final WeightStore store;

    /**
     * Makes matrices.
     *
     * @param store makes the arrays that are rounded
     */
    BlockMatrices(Dtype dtype, WeightStore store) {
        this.dtype = dtype;
        this.store = store;
    }

    /** The matrix of a layer in blocks where its rows are whole ones, else as it is; takes the array. */
    Stored ofLayer(String name, NDArray matrix) {
        return held(name, matrix, layerFormat());
    }

    /** The same for the embedding and the head, which keep 8 bits as in llama.cpp's files of 4 bits: every token passes them. */
    Stored ofEnds(String name, NDArray matrix) {
        return held(name, matrix, layerFormat().map(format -> BlockFormat.Q8_0));
    }

    private Optional<BlockFormat> layerFormat() {
        return dtype.isBlocks() ? Optional.of(BlockFormat.of(dtype)) : Optional.empty();
    }

    private Stored held(String name, NDArray matrix, Optional<BlockFormat> format) {
        if (format.isEmpty() || matrix.getShape().get(1) % BlockFormat.NUMBERS != 0) {
            return Stored.of(matrix);
        }
        try (matrix) {
            return Stored.of(store.blocks(name, matrix, format.get()));
        }
    }

    /** The format that tensors have in a file, where it is the same for all and blocks are wanted. */
    Optional<BlockFormat> stored(TensorSource source, List<String> names) {
        if (!dtype.isBlocks()) {
            return Optional.empty();
        }
        Optional<BlockFormat> first = source.blocks(names.get(0));
        return names.stream().allMatch(name -> source.blocks(name).equals(first)) ? first : Optional.empty();
    }

    /**
     * Tensors one below the other as a file has them.
     *
     * @throws CheckpointException if a scale is not finite
     */
    static Stored read(NDManager owner, TensorSource source, List<TensorInfo> tensors, BlockFormat format) {
        long rows = tensors.stream().mapToLong(info -> info.shape()[0]).sum();
        Blocks made = Blocks.allocate(owner, rows, tensors.get(0).shape()[1], format);
        ByteBuffer memory = made.memory();
        for (TensorInfo info : tensors) {
            Interruption.check();
            for (long row = 0; row < info.shape()[0]; row++) {
                ByteBuffer stored = source.blockRow(info.name(), row);
                check(source, info.name(), stored, format);
                memory.put(stored);
            }
        }
        return Stored.of(made);
    }

    // Scales may be anything in a damaged file.
    private static void check(TensorSource source, String name, ByteBuffer row, BlockFormat format) {
        boolean two = format == BlockFormat.Q4_1;
        for (int at = row.position(); at < row.limit(); at += format.blockBytes()) {
            if (!isFinite(row.getShort(at)) || (two && !isFinite(row.getShort(at + Short.BYTES)))) {
                throw new CheckpointException("tensor " + name + " of " + source
                        + " has a scale that is NaN or infinite; fetch the weights again");
            }
        }
    }

    private static boolean isFinite(short half) {
        return (half & 0x7C00) != 0x7C00;
    }
}
