package org.skipgpt;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/**
 * Owns the native memory of all models that were loaded in it; one is open at a time.
 *
 * <p>Opening a new one closes the one before, so running a notebook's first cell again frees what its cells had loaded.
 * Models of a closed workspace cannot be used any more.
 *
 * <pre>{@code
 * Workspace.open("cpu", "fp32");
 * }</pre>
 */
public final class Workspace implements AutoCloseable {
    private static final String ALL = "auto";
    private static final Object LOCK = new Object();
    private static @Nullable Workspace current;

    private final NDManager manager;
    private final List<Device> devices;
    private final boolean spread;
    private final Dtype dtype;
    private final List<LanguageModel> models = new CopyOnWriteArrayList<>();
    private final List<NDManager> owners = new CopyOnWriteArrayList<>();
    private volatile boolean open = true;

    private Workspace(List<Device> devices, boolean spread, Dtype dtype) {
        this.manager = Torch.manager(devices.get(0));
        this.devices = List.copyOf(devices);
        this.spread = spread;
        this.dtype = dtype;
    }

    /** Opens a workspace on the first GPU in bf16 where libtorch has one, else on the CPU in fp32; closes the one before. */
    public static Workspace open() {
        boolean gpu = Torch.devices().size() > 1;
        return gpu ? open("gpu0", "bf16") : open("cpu", "fp32");
    }

    /**
     * Opens a workspace; closes the one before.
     *
     * @param device {@code cpu}, {@code gpu}, {@code gpu1}, or {@code auto}: all GPUs, then the CPU, over which layers are placed
     * @param dtype element type of weight matrices: {@code fp32}, {@code bf16} or {@code fp16}; on a CPU, for inference, also
     *     {@code q8_0}, {@code q4_0} or {@code q4_1}, in which matrices of a GGUF file that has one of these stay as they are
     * @throws org.skipgpt.torch.TorchException if the device cannot be used here
     * @throws IllegalArgumentException if the type is not known, or is one of blocks and the device no CPU
     */
    public static Workspace open(String device, String dtype) {
        Dtype type = Dtype.of(dtype);
        boolean spread = device.equals(ALL);
        List<Device> devices = spread ? all() : List.of(Torch.device(device));
        Device place = devices.get(0);
        if (type.isBlocks() && place.isGpu()) {
            throw new IllegalArgumentException("weights as " + type + " on " + device
                    + " are not allowed: kernels for them are the CPU's; use workspace(\"cpu\", \"" + type
                    + "\"), or bf16 on the GPU");
        }
        synchronized (LOCK) {
            if (current != null) {
                current.close();
            }
            Workspace opened = new Workspace(devices, spread, type);
            current = opened;
            return opened;
        }
    }

    // The CPU is the last to get layers.
    private static List<Device> all() {
        List<Device> all = new ArrayList<>(Torch.devices());
        Collections.rotate(all, -1);
        return all;
    }

    /** The open workspace; opens one as {@link #open()} does where there is none. */
    public static Workspace current() {
        synchronized (LOCK) {
            return current != null && current.open ? current : open();
        }
    }

    /**
     * Makes a model whose weights this workspace owns.
     *
     * @param making builds the model from the owner of its arrays; where it fails, what it had allocated is freed
     */
    public LanguageModel add(Function<NDManager, LanguageModel> making) {
        try (InUse.Hold held = InUse.of(manager).hold()) {
            checkOpen();
            NDManager own = manager.newSubManager();
            InUse.begin(own);
            try {
                LanguageModel model = making.apply(own);
                owners.add(own);
                models.add(model);
                return model;
            } catch (RuntimeException | Error e) {
                own.close();
                throw e;
            }
        }
    }

    /**
     * A dense model with random weights.
     *
     * @param config its shape; the vocabulary must hold the tokenizer's ids
     * @param seed where the draws start
     */
    public LanguageModel random(DecoderConfig config, Tokenizer tokenizer, long seed) {
        if (config.vocabulary() < tokenizer.vocabSize()) {
            throw new IllegalArgumentException("vocabulary " + config.vocabulary() + " is too small: the tokenizer has "
                    + tokenizer.vocabSize() + " ids; give the configuration at least that many");
        }
        return add(own -> {
            var weights = WeightLoader.random(config, own, dtype(), seed);
            return LanguageModel.dense("random-" + seed, "", tokenizer, config, weights);
        });
    }

    /**
     * Frees one model when the work under way with it is done; does nothing for a model of another workspace.
     *
     * <p>Of what {@code loadSkipGpt} returned, only the routers and the adapter are freed: its base stays.
     *
     * @throws IllegalStateException if other threads compute with it for longer than {@link InUse#LONGEST_SECONDS}; it stays
     */
    public void release(LanguageModel model) {
        List<NDManager> added = model.added();
        if (!added.isEmpty()) {
            InUse.free(added.get(added.size() - 1), List.of());
            return;
        }
        NDManager own = model.decoder().weights().manager();
        if (open && own.getParentManager() == manager) {
            InUse.free(own, List.of());
            owners.remove(own);
            models.removeIf(other -> other.decoder().weights().manager() == own);
        }
    }

    /** The model loaded last. */
    public Optional<LanguageModel> latest() {
        return models.isEmpty() ? Optional.empty() : Optional.of(models.get(models.size() - 1));
    }

    /** The models in the order they were loaded. */
    public List<LanguageModel> models() {
        return List.copyOf(models);
    }

    /** Owner of the models' owners. */
    public NDManager manager() {
        checkOpen();
        return manager;
    }

    /** The devices over which layers are placed, the first of them first; one, unless it was opened as {@code auto}. */
    public List<Device> devices() {
        return devices;
    }

    /** Whether models are placed over all devices where no map is given. */
    public boolean isSpread() {
        return spread;
    }

    /** Where models live; embedding and head of those that are placed over several devices. */
    public Device device() {
        return manager.getDevice();
    }

    /** Element type of their weight matrices. */
    public Dtype dtype() {
        return dtype;
    }

    /**
     * Frees every model when the work under way with them is done; work that begins later says that its model is closed.
     *
     * @throws IllegalStateException if other threads compute for longer than {@link InUse#LONGEST_SECONDS}, or this thread
     *     itself does; the workspace stays open
     */
    @Override
    public void close() {
        if (open) {
            InUse.free(manager, owners);
            open = false;
            models.clear();
            owners.clear();
        }
    }

    private void checkOpen() {
        if (!open) {
            throw new IllegalStateException(
                    "this workspace is closed, a newer one has replaced it; use Workspace.current() or open another");
        }
    }

    @Override
    public String toString() {
        if (!open) {
            return "workspace · closed";
        }
        String names = models.isEmpty()
                ? "no model yet"
                : String.join(", ", models.stream().map(LanguageModel::name).toList());
        return String.format(
                Locale.ROOT,
                "workspace · %s · %s · libtorch %s · %d threads · %s",
                spread
                        ? "auto: "
                                + String.join(
                                        ", ", devices.stream().map(Places::name).toList())
                        : device().toString().replace("()", ""),
                dtype,
                Torch.version(),
                Torch.threads(),
                names);
    }
}
