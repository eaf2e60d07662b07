package org.skipgpt.weights;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.function.ObjLongConsumer;
import org.skipgpt.io.BlockFormat;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.io.Widening;
import org.skipgpt.report.Interruption;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Processor;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * Makes, fills and reads arrays of any element type in bounded pieces.
 *
 * <p>A piece is at most 1M elements, so peak memory is the weights plus a few megabytes.
 */
public final class WeightStore {
    private static final int PIECE = 1 << 20;

    private final NDManager manager;
    private final TorchProgram program;
    private final NDArray like;
    private final ThreadLocal<ByteBuffer> piece =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(4 * PIECE).order(ByteOrder.nativeOrder()));

    /**
     * A store whose arrays belong to a manager.
     *
     * @param dtype element type of the arrays it makes
     */
    public WeightStore(NDManager manager, Dtype dtype) {
        this.manager = manager;
        this.program = TorchProgram.compile(
                manager,
                TorchSource.of(WeightStore.class, "weights.torchscript")
                        .with("dtype", dtype.torchCode())
                        .with("leastReordered", Processor.leastReordered(dtype).orElse(0))
                        .when("onednn", Processor.leastReordered(dtype).isPresent())
                        .code());
        this.like = manager.create(new Shape(0));
    }

    /** A matrix of fp32 numbers in blocks of their own. */
    Blocks blocks(String name, NDArray matrix, BlockFormat format) {
        long columns = matrix.getShape().get(1);
        Blocks made = Blocks.allocate(manager, matrix.getShape().get(0), columns, format);
        ByteBuffer memory = made.memory();
        long step = columns * Math.max(1, PIECE / columns);
        for (long done = 0; done < matrix.getShape().size(); done += step) {
            Interruption.check();
            long count = Math.min(step, matrix.getShape().size() - done);
            float[] rows = new float[Math.toIntExact(count)];
            read(matrix, done, count, (piece, at) -> System.arraycopy(piece, 0, rows, (int) at, piece.length));
            format.encode(name, rows, 0, rows.length, memory);
        }
        return made;
    }

    /** An array with undefined content. */
    public NDArray allocate(long... shape) {
        try (NDManager scope = cpuScope()) {
            NDArray array = program.call("alloc", like, Torch.onCpu(scope, shape));
            array.attach(manager);
            return array;
        }
    }

    /** A matrix in the order in which the CPU's kernels read it, as the decoder's own methods make it. */
    NDArray reordered(NDArray matrix) {
        return program.call("reorder", matrix);
    }

    /** A (rows, columns) array of normal draws with mean 0; the same seed gives the same numbers. */
    public NDArray normal(long rows, long columns, double std, long seed) {
        try (NDManager scope = cpuScope()) {
            NDArray array = program.call(
                    "normal",
                    like,
                    Torch.onCpu(scope, new long[] {rows, columns}),
                    Torch.onCpu(scope, (float) std),
                    Torch.seed(scope, seed));
            array.attach(manager);
            return array;
        }
    }

    /**
     * Copies a stored tensor into an array, from element {@code at} on; the element types may differ.
     *
     * @throws CheckpointException if a number is not finite, there or in the array's type
     */
    public void fill(NDArray target, long at, TensorSource source, TensorInfo info) {
        for (long done = 0; done < info.elements(); done += PIECE) {
            Interruption.check();
            int count = (int) Math.min(PIECE, info.elements() - done);
            int width = info.elementBytes();
            ByteBuffer stored = source.bytes(info.name(), done * width, count * width);
            double sum = put(isPlain(info, stored) ? stored : widened(info, stored), target, at + done);
            // A sum is finite exactly where all numbers are: in fp64, numbers of 32 bits cannot overflow it.
            if (!Double.isFinite(sum)) {
                throw new CheckpointException("tensor " + info.name() + " of " + source
                        + " has a number that is NaN or infinite among its"
                        + " elements " + done + ".." + (done + count - 1) + ", in the file or as "
                        + target.getDataType() + " in memory; fetch the weights again, or load them as bf16 or fp32");
            }
        }
    }

    // Mapped fp32 numbers go to their place as they lie in the file.
    private static boolean isPlain(TensorInfo info, ByteBuffer stored) {
        return info.format().equals("F32") && stored.isDirect() && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    }

    private ByteBuffer widened(TensorInfo info, ByteBuffer stored) {
        ByteBuffer buffer = piece.get().clear();
        FloatBuffer numbers = buffer.asFloatBuffer();
        Widening.toFloats(stored, info, numbers);
        return buffer.limit(4 * numbers.position());
    }

    /** Copies fp32 numbers into an array from element {@code at} on. */
    public void put(FloatBuffer numbers, NDArray target, long at) {
        ByteBuffer buffer = piece.get();
        for (long done = 0; numbers.hasRemaining(); ) {
            int count = Math.min(PIECE, numbers.remaining());
            buffer.clear().asFloatBuffer().put(numbers.slice(numbers.position(), count));
            numbers.position(numbers.position() + count);
            put(buffer.limit(4 * count), target, at + done);
            done += count;
        }
    }

    // The engine reads a direct buffer where it lies; of any other it would keep a copy until the garbage collector
    // runs. Returns the sum of what lies in the array now.
    private double put(ByteBuffer direct, NDArray target, long at) {
        try (NDManager scope = target.getManager().newSubManager()) {
            NDArray chunk = scope.create(direct, new Shape(direct.remaining() / 4), DataType.FLOAT32);
            return program.call("fill", chunk, target, Torch.onCpu(scope, new long[] {at}))
                    .toDoubleArray()[0];
        }
    }

    /** Reads an array as fp32, piece by piece, in order; the consumer gets a piece and its first element's place. */
    public void read(NDArray source, ObjLongConsumer<float[]> consumer) {
        read(source, 0, source.getShape().size(), consumer);
    }

    /** Reads elements from..from+count of an array. */
    public void read(NDArray source, long from, long count, ObjLongConsumer<float[]> consumer) {
        for (long done = 0; done < count; done += PIECE) {
            try (NDManager scope = cpuScope()) {
                long n = Math.min(PIECE, count - done);
                NDArray part = program.call(
                        "read",
                        Torch.onCpu(scope, new long[0]),
                        source,
                        Torch.onCpu(scope, new long[] {from + done}),
                        Torch.onCpu(scope, new long[] {n}));
                consumer.accept(part.toFloatArray(), done);
            }
        }
    }

    private NDManager cpuScope() {
        return manager.getDevice().isGpu() ? Torch.manager(Device.cpu()) : manager.newSubManager();
    }
}
