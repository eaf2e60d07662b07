package org.skipgpt.torch;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.util.NativeResource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * Owners of arrays where the layers of one model lie on several devices: one for each layer, all of them freed with one scope.
 *
 * <p>A place is a device, {@code cpu} or {@code gpu1}. {@code cpu1}, {@code cpu2} and so on are further owners on the same CPU: on
 * them a model can be laid over several places where there is one device. Two places of a CPU compute together without a complaint,
 * where two GPUs would fail; so from the first such place on, {@link TorchProgram} refuses arguments of two places.
 *
 * <pre>{@code
 * Places.begin(manager, List.of("cpu", "cpu1"));
 * NDArray moved = Places.moved(x, Places.under(scope).owner(1));
 * }</pre>
 */
public final class Places {
    private static final String CPU = "cpu";
    private static final Pattern NAME = Pattern.compile("(?:cpu|gpu)\\d{0,4}");
    /** Begins the name of an owner on a CPU that is a place of its own. */
    private static final String MARK = "place ";
    /** The name of arrays that are read on the host whatever the device: they belong to no place. */
    private static final String HOST = "host";

    private static final Map<NDManager, List<String>> OF_LAYERS = Collections.synchronizedMap(new WeakHashMap<>());
    private static volatile boolean checked;

    private final NDManager scope;
    private final List<NDManager> owners;

    private Places(NDManager scope, List<NDManager> owners) {
        this.scope = scope;
        this.owners = List.copyOf(owners);
    }

    /**
     * The usual name of a place, {@code cpu}, {@code cpu1}, {@code gpu0}; empty where it is none.
     *
     * @param given also {@code gpu}, {@code cpu0} and, as PyTorch says, {@code cuda:0}
     */
    public static Optional<String> nameOf(String given) {
        String plain = given.replace("cuda", "gpu").replace(":", "");
        if (!NAME.matcher(plain).matches()) {
            return Optional.empty();
        }
        return Optional.of(plain.equals("gpu") ? "gpu0" : plain.equals("cpu0") ? CPU : plain);
    }

    /** The usual name of a device. */
    public static String name(Device device) {
        return device.isGpu() ? "gpu" + device.getDeviceId() : CPU;
    }

    /** The device that a place is on. */
    public static Device device(String name) {
        return name.startsWith(CPU) ? Device.cpu() : Torch.device(name);
    }

    /**
     * Says where the layers of a model lie; whatever is owned by the home or below it knows from then on.
     *
     * @param home owner of the model's arrays; embedding, last norm and head lie on its device
     * @param ofLayers the place of each layer, L
     */
    public static void begin(NDManager home, List<String> ofLayers) {
        String own = name(home.getDevice());
        if (ofLayers.stream().allMatch(own::equals)) {
            return;
        }
        OF_LAYERS.put(home, List.copyOf(ofLayers));
        if (ofLayers.stream().anyMatch(Places::isMarked)) {
            checked = true;
        }
    }

    /** Owners below a scope, freed with it: the scope itself for layers that lie where the model's other weights do. */
    public static Places under(NDManager scope) {
        List<String> names = List.of();
        for (NDManager at = scope;
                at != null && !(at instanceof NDManager.SystemNDManager) && names.isEmpty();
                at = at.getParentManager()) {
            names = OF_LAYERS.getOrDefault(at, List.of());
        }
        if (names.isEmpty()) {
            return one(scope);
        }
        Map<String, NDManager> made = new LinkedHashMap<>();
        made.put(of(scope), scope);
        List<NDManager> owners = new ArrayList<>();
        for (String name : names) {
            owners.add(made.computeIfAbsent(name, place -> owner(scope, place)));
        }
        return new Places(scope, owners);
    }

    /** A scope that owns what all layers need. */
    public static Places one(NDManager scope) {
        return new Places(scope, List.of());
    }

    /** An owner below a scope, at the place of another owner: the scope itself where that is its own place. */
    public static NDManager at(NDManager scope, NDManager there) {
        String place = of(there);
        return of(scope).equals(place) ? scope : owner(scope, place);
    }

    private static NDManager owner(NDManager scope, String place) {
        NDManager owner = scope.newSubManager(device(place));
        if (isMarked(place)) {
            owner.setName(MARK + place);
        }
        return owner;
    }

    private static boolean isMarked(String place) {
        return place.startsWith(CPU) && !place.equals(CPU);
    }

    /** The place an owner is at. */
    public static String of(NDManager owner) {
        if (owner.getDevice().isGpu() || !checked) {
            return name(owner.getDevice());
        }
        for (NDManager at = owner;
                at != null && !(at instanceof NDManager.SystemNDManager);
                at = at.getParentManager()) {
            if (at.getName().startsWith(MARK)) {
                return at.getName().substring(MARK.length());
            }
        }
        return CPU;
    }

    /** Whether every layer lies where the model's other weights do. */
    public boolean isOne() {
        return owners.isEmpty();
    }

    /** How many places have layers. */
    public int count() {
        return owners.isEmpty() ? 1 : new HashSet<>(owners).size();
    }

    /** Owner of what belongs to a layer. */
    public NDManager owner(int layer) {
        return owners.isEmpty() ? scope : owners.get(layer);
    }

    /** Owner of what belongs to no layer. */
    public NDManager home() {
        return scope;
    }

    /** Something made once for every place that has layers, given to each of its layers; L. */
    public <T> List<T> each(int layers, Function<NDManager, T> making) {
        if (owners.isEmpty()) {
            return Collections.nCopies(layers, making.apply(scope));
        }
        Map<NDManager, T> made = new LinkedHashMap<>();
        List<T> all = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            all.add(made.computeIfAbsent(owner(layer), making));
        }
        return all;
    }

    /** The stream where a layer reads it: itself, or a copy there, through which gradients flow. */
    public NDArray entering(int layer, NDArray x) {
        return owners.isEmpty() ? x : moved(x, owners.get(layer));
    }

    /**
     * The stream behind layers: behind the last one where head and loss read it, itself or a copy there, through which gradients
     * flow; behind another one itself.
     *
     * @param layers how many it passed
     */
    public NDArray leaving(int layers, NDArray x) {
        return layers < owners.size() || owners.isEmpty() ? x : moved(x, scope);
    }

    /** An array at the place of an owner: itself if it is there, else a copy that belongs to the owner; gradients flow through. */
    public static NDArray moved(NDArray array, NDManager to) {
        if (of(array.getManager()).equals(of(to))) {
            return array;
        }
        NDArray copy = array.toDevice(to.getDevice(), true);
        copy.attach(to);
        return copy;
    }

    /** Says that an array is read on the host, so that methods of every place take it. */
    static NDArray onHost(NDArray array) {
        array.setName(HOST);
        return array;
    }

    private static boolean isOnHost(NDArray array) {
        return HOST.equals(array.getName());
    }

    /** Whether arguments are looked at before each call. */
    static boolean isChecked() {
        return checked;
    }

    /**
     * Sees that arrays on the CPU are at one place. Those of GPUs are looked at by libtorch.
     *
     * @return whether all of them are the host's
     * @throws IllegalStateException if they are at two places
     */
    static boolean check(String method, NDArray first, NDArray... more) {
        String place = "";
        for (int i = 0; i <= more.length; i++) {
            NDArray array = i == 0 ? first : more[i - 1];
            // What was freed is at no place; the call itself says so in better words.
            if (isFreed(array) || isOnHost(array) || array.getDevice().isGpu()) {
                continue;
            }
            String own = of(array.getManager());
            if (!place.isEmpty() && !place.equals(own)) {
                throw new IllegalStateException("\"" + method + "\" was given arrays of two places, " + place + " and "
                        + own + " (argument " + i + ", of shape " + array.getShape()
                        + "): what a layer reads must be moved to its place first");
            }
            place = own;
        }
        return place.isEmpty() && !isFreed(first) && !first.getDevice().isGpu();
    }

    private static boolean isFreed(NDArray array) {
        return array instanceof NativeResource<?> memory && memory.isReleased();
    }
}
