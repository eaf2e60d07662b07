package org.skipgpt.torch;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * TorchScript text compiled in memory; its methods take and return arrays, and gradients flow through them.
 *
 * <p>Results belong to the owner of the first argument, so activations come first and weights after them. In-place
 * changes of arguments are seen by the caller. Gradients are recorded where {@link Torch#gradients} is on.
 *
 * <pre>{@code
 * var program = TorchProgram.compile(manager, "def twice(self, x: Tensor) -> Tensor:\n    return x + x\n");
 * NDArray y = program.call("twice", x);
 * }</pre>
 */
public final class TorchProgram implements AutoCloseable {
    private static final String HEAD =
            "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n";

    private static final LongAdder CALLS = new LongAdder();
    private static final LongAdder NANOS = new LongAdder();

    private final NDManager owner;
    private final PtSymbolBlock block;
    private final Map<String, NDArray> tags;
    private final boolean inference;
    private final InUse inUse;

    private TorchProgram(NDManager owner, PtSymbolBlock block, Map<String, NDArray> tags, boolean inference) {
        this.owner = owner;
        this.block = block;
        this.tags = tags;
        this.inference = inference;
        this.inUse = InUse.of(owner);
    }

    /**
     * The same methods in libtorch's inference mode, which spares every operation the bookkeeping of gradients. What they
     * return can be read by anything but can never enter a graph.
     */
    public TorchProgram inference() {
        return new TorchProgram(owner, block, tags, true);
    }

    /**
     * What calls of all programs took so far; the difference of two readings says how much of a time was spent inside.
     *
     * @param calls calls that returned
     * @param nanos nanoseconds from the call to its return; on a GPU kernels may run on after that
     */
    public record Spent(long calls, long nanos) {}

    /** What calls took so far. */
    public static Spent spent() {
        return new Spent(CALLS.sum(), NANOS.sum());
    }

    /**
     * Compiles methods.
     *
     * @param parent owner of the program; closing it frees the program
     * @param methods TorchScript method definitions, {@code def name(self, ...)} at column 0
     * @throws TorchException with the compiler's words where the text is not valid
     */
    public static TorchProgram compile(NDManager parent, String methods) {
        Torch.enterThread();
        NDManager owner = parent.newSubManager();
        try {
            ByteArrayInputStream archive = new ByteArrayInputStream(archive(HEAD + methods.indent(2)));
            PtSymbolBlock block = JniUtils.loadModule((PtNDManager) owner, archive, false, false);
            return new TorchProgram(owner, block, new ConcurrentHashMap<>(), false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (EngineException e) {
            owner.close();
            throw new TorchException("TorchScript does not compile: " + e.getMessage(), e);
        }
    }

    /**
     * Calls a method that returns one tensor.
     *
     * @param first an activation: the result gets its owner
     * @param more the other arguments in order
     * @throws TorchException with the script line where the method fails
     * @throws IllegalStateException if this program or an argument was freed
     */
    public NDArray call(String method, NDArray first, NDArray... more) {
        return callAll(method, first, more).singletonOrThrow();
    }

    /** Calls a method that returns several tensors. */
    public NDList callAll(String method, NDArray first, NDArray... more) {
        Torch.enterThread();
        try (InUse.Hold held = inUse.hold()) {
            if (!owner.isOpen()) {
                throw closed(method);
            }
            if (!Places.isChecked()) {
                return held(method, first, more);
            }
            boolean isOnHost = Places.check(method, first, more);
            NDList results = held(method, first, more);
            if (isOnHost) {
                results.forEach(Places::onHost);
            }
            return results;
        }
    }

    private NDList held(String method, NDArray first, NDArray... more) {
        NDList arguments = new NDList(more.length + 2);
        arguments.add(first);
        for (NDArray array : more) {
            arguments.add(array);
        }
        arguments.add(tags.computeIfAbsent(method, this::tag));
        long begun = System.nanoTime();
        try {
            NDList results = IValueUtils.forward(block, arguments, !inference);
            CALLS.increment();
            NANOS.add(System.nanoTime() - begun);
            return results;
        } catch (EngineException e) {
            throw new TorchException(method + ": " + e.getMessage(), e);
        } catch (IllegalStateException freed) {
            // the engine's words for an array without its memory
            throw closed(method);
        }
    }

    private static IllegalStateException closed(String method) {
        return new IllegalStateException("the memory that \"" + method + "\" needs is closed: its workspace, model or"
                + " session was closed or released; load the model again");
    }

    private NDArray tag(String method) {
        NDArray tag = owner.create(0f);
        tag.setName("module_method:" + method);
        return tag;
    }

    @Override
    public void close() {
        owner.close();
    }

    // A TorchScript archive is a zip of stored entries; the pickles describe one module without parameters.
    private static byte[] archive(String code) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            put(zip, "archive/data.pkl", modulePickle());
            put(zip, "archive/code/__torch__.py", code.getBytes(StandardCharsets.UTF_8));
            put(zip, "archive/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            put(zip, "archive/version", "10\n".getBytes(StandardCharsets.US_ASCII));
            put(zip, "archive/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
        }
        return bytes.toByteArray();
    }

    private static byte[] modulePickle() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[] {(byte) 0x80, 2});
        out.write("c__torch__\nM\n".getBytes(StandardCharsets.US_ASCII));
        out.write(new byte[] {')', (byte) 0x81, '}', '('});
        byte[] key = "training".getBytes(StandardCharsets.US_ASCII);
        out.write('X');
        out.write(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(key.length)
                .array());
        out.write(key);
        out.write(new byte[] {(byte) 0x88, 'u', 'b', '.'});
        return out.toByteArray();
    }

    private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(content);
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(content);
        zip.closeEntry();
    }
}
