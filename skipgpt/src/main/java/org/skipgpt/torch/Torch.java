package org.skipgpt.torch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Starts libtorch once, checks that it computes, and says what it is.
 *
 * <p>Where libtorch comes from is configuration, never code: CPU natives on the class path, or on an NVIDIA machine
 * the ones the engine finds through {@code PYTORCH_LIBRARY_PATH}.
 */
public final class Torch {
    private static final ThreadLocal<Boolean> THREAD_READY = ThreadLocal.withInitial(() -> false);
    private static final ThreadLocal<Boolean> GRADIENTS = ThreadLocal.withInitial(() -> false);

    private Torch() {}

    /**
     * The running engine; the first call loads libtorch and computes a small product to see that it fits.
     *
     * @throws TorchException if libtorch is missing or does not fit the JNI layer
     */
    public static Engine engine() {
        return Start.OUTCOME.engine();
    }

    /**
     * A new owner of arrays on a device; closing it frees them all.
     *
     * @param device {@code Device.cpu()} or {@code Device.gpu(n)}
     */
    public static NDManager manager(Device device) {
        NDManager manager = engine().newBaseManager(device);
        enterThread();
        return manager;
    }

    /** The devices libtorch itself can use: the CPU, then every GPU. */
    public static List<Device> devices() {
        List<Device> devices = new ArrayList<>(List.of(Device.cpu()));
        // getGpuCount goes through an unversioned libcudart and misses pip installs, so libtorch is asked first.
        if (engine().hasCapability("CUDA")) {
            int gpus = Math.max(1, engine().getGpuCount());
            for (int i = 0; i < gpus; i++) {
                devices.add(Device.gpu(i));
            }
        }
        return List.copyOf(devices);
    }

    /**
     * The device a user named: {@code cpu}, {@code gpu} (the first), {@code gpu1} or, as PyTorch says, {@code cuda:1}.
     *
     * @throws TorchException if this machine's libtorch cannot use it
     */
    public static Device device(String name) {
        String plain = name.replace("cuda", "gpu").replace(":", "");
        // The engine's own reading of a bare "gpu" is a device without a number, which is none of these.
        Device wanted = Device.fromName(plain.equals("gpu") ? "gpu0" : plain);
        if (devices().contains(wanted)) {
            return wanted;
        }
        throw new TorchException("device " + name + " is not usable here: libtorch offers " + devices()
                + "; run ./run doctor to see what is missing");
    }

    /** Intra-op threads in use. */
    public static int threads() {
        engine();
        return JniUtils.getNumThreads();
    }

    /** libtorch's version, e.g. 2.7.1. */
    public static String version() {
        return engine().getVersion();
    }

    /**
     * A seed that a program turns into a generator of its own, {@code torch.Generator(device=..., seed=int(seed))}.
     *
     * <p>Draws never come from libtorch's generator for the whole process, so what other threads draw changes nothing.
     *
     * @param owner owns the array, which lies on the CPU whatever the owner's device
     * @param seed folded to 32 bits, as many as libtorch's generator on the CPU takes
     * @return () int64
     */
    public static NDArray seed(NDManager owner, long seed) {
        NDManager host = owner.getDevice().isGpu() ? owner.newSubManager(Device.cpu()) : owner;
        return Places.onHost(
                host.create(new long[] {(int) (seed ^ (seed >>> 32))}).reshape(new Shape()));
    }

    /**
     * Runs work with gradients recorded on this thread, then restores what was set before.
     *
     * <p>Grad mode belongs to a thread, and threads start with it on; this library keeps it off unless asked.
     */
    public static AutoCloseableMode gradients(boolean on) {
        enterThread();
        boolean before = GRADIENTS.get();
        set(on);
        return () -> set(before);
    }

    /** Numbers in an array on the CPU, whatever the owner's device: those that steer loops or fill caches there. */
    public static NDArray onCpu(NDManager scope, long[] values) {
        return Places.onHost(host(scope).create(values));
    }

    /** The same in a shape of their own. */
    public static NDArray onCpu(NDManager scope, long[] values, long... shape) {
        return Places.onHost(host(scope).create(values, new Shape(shape)));
    }

    /** One fp32 number likewise, (). */
    public static NDArray onCpu(NDManager scope, float number) {
        return Places.onHost(host(scope).create(number));
    }

    /** The same of fp64 numbers. */
    public static NDArray onCpu(NDManager scope, double[] values) {
        return Places.onHost(host(scope).create(values));
    }

    private static NDManager host(NDManager scope) {
        return scope.getDevice().isGpu() ? scope.newSubManager(Device.cpu()) : scope;
    }

    /** Whether this thread records gradients. */
    public static boolean recordsGradients() {
        return GRADIENTS.get();
    }

    /** Sets up a thread that computes: no gradients, no shape-driven recompilation. Called before every program. */
    static void enterThread() {
        if (!THREAD_READY.get()) {
            THREAD_READY.set(true);
            JniUtils.setGraphExecutorOptimize(false);
            set(false);
        }
    }

    private static void set(boolean on) {
        JniUtils.setGradMode(on);
        GRADIENTS.set(on);
    }

    /** Restores a mode when closed; throws nothing. */
    @FunctionalInterface
    public interface AutoCloseableMode extends AutoCloseable {
        @Override
        void close();
    }

    /** What the first call found, kept: a failure is told again in the same words. */
    private record Outcome(Optional<Engine> started, Optional<TorchException> failure) {
        Engine engine() {
            failure.ifPresent(e -> {
                throw e;
            });
            return started.orElseThrow();
        }
    }

    private static final class Start {
        static final Outcome OUTCOME = outcome();

        private static Outcome outcome() {
            try {
                return new Outcome(Optional.of(start()), Optional.empty());
            } catch (TorchException e) {
                return new Outcome(Optional.empty(), Optional.of(e));
            }
        }

        private static Engine start() {
            Engine engine;
            try {
                EngineWaiting.shorten(System.getenv());
                engine = Engine.getEngine("PyTorch");
            } catch (RuntimeException | LinkageError e) {
                throw new TorchException(
                        "libtorch did not start (" + root(e) + "): the class path needs pytorch-jni and, without a GPU,"
                                + " pytorch-native-cpu; with PYTORCH_LIBRARY_PATH set, the libraries there must be torch"
                                + " 2.7.1 and, for CUDA, find the driver's libcuda",
                        e);
            }
            check(engine);
            return engine;
        }

        // the engine wraps what the system's loader said
        private static String root(Throwable e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            return String.valueOf(cause.getMessage());
        }

        private static void check(Engine engine) {
            try (NDManager manager = engine.newBaseManager(Device.cpu())) {
                NDArray a = manager.create(new float[] {1, 2, 3, 4}, new Shape(2, 2));
                NDArray product = a.matMul(a);
                boolean right = product.getDataType() == DataType.FLOAT32
                        && Arrays.equals(product.toFloatArray(), new float[] {7, 10, 15, 22});
                if (!right) {
                    throw new TorchException("libtorch " + engine.getVersion()
                            + " computes nonsense: its JNI layer was made for another version;"
                            + " use libtorch 2.7.1 or unset PYTORCH_LIBRARY_PATH");
                }
            }
        }
    }
}
