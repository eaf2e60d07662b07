package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorHash;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Places;

/**
 * The routers of a model: one a module, or one a layer where they are coupled. Index 1 means execute.
 *
 * <pre>{@code
 * var routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 43);
 * }</pre>
 */
public final class Routers {
    /** Which logit means execute in a stored file. */
    public enum ExecuteIndex {
        /** The authors' files. */
        ZERO,
        /** The paper and this library. */
        ONE
    }

    private final RouterConfig config;
    private final List<Router> routers;

    private Routers(RouterConfig config, List<Router> routers) {
        this.config = config;
        this.routers = List.copyOf(routers);
    }

    /**
     * Fresh routers: Kaiming uniform, gain sqrt 2 before a ReLU and 1 before the logits, biases 0; norms 1, whose input may be of any
     * size.
     *
     * @param owner owns the arrays, each where its layer is; for a model on several devices an owner below it, as {@code model.scope()}
     * @param seed of the draws
     */
    public static Routers init(NDManager owner, DecoderConfig model, RouterConfig config, long seed) {
        return init(owner, model, config, RouterStart.even(), seed);
    }

    /**
     * Fresh routers that begin elsewhere.
     *
     * @throws IllegalArgumentException if they are to begin with a margin but have no bias to hold it, or a leaning module
     *     has no router of its own
     */
    public static Routers init(
            NDManager owner, DecoderConfig model, RouterConfig config, RouterStart start, long seed) {
        if (start.isAtPlan()) {
            throw new IllegalArgumentException("routers that begin at a plan need the plan: name its modules by"
                    + " leaningTo(plan.dropped()); only tuning finds them by itself");
        }
        if ((start.margin() > 0 || !start.leaning().isEmpty()) && !config.bias()) {
            throw new IllegalArgumentException("routers without a bias cannot start with margin " + start.margin()
                    + " towards execute, or leaning to skip: use withBias(true), or RouterStart.even()");
        }
        Set<String> leaning = leaning(model, config, start);
        SplittableRandom random = new SplittableRandom(seed);
        return make(owner, model, config, (name, shape) -> {
            boolean hidden = name.contains(".hidden.");
            float[] numbers = drawn(shape, hidden, random);
            if (name.endsWith(Router.NORM)) {
                Arrays.fill(numbers, 1);
                return numbers;
            }
            if (!hidden && shape.length == 1) {
                boolean leans = leaning.stream().anyMatch(name::startsWith);
                numbers[1] = (float) (leans ? -start.lean() : start.margin());
            } else if (!hidden) {
                for (int i = 0; i < numbers.length; i++) {
                    numbers[i] *= (float) start.scale();
                }
            }
            return numbers;
        });
    }

    // Beginnings of the names of what leaning modules' routers hold.
    private static Set<String> leaning(DecoderConfig model, RouterConfig config, RouterStart start) {
        Set<String> keys = new HashSet<>();
        for (ModuleSite site : start.leaning()) {
            boolean known = site.layer() >= 0 && site.layer() < model.layers();
            boolean alone = config.coupled()
                    && !start.leaning()
                            .containsAll(List.of(
                                    new ModuleSite(site.layer(), ModuleKind.ATTENTION),
                                    new ModuleSite(site.layer(), ModuleKind.MLP)));
            if (!known || alone) {
                throw new IllegalArgumentException("no router of its own decides about " + site
                        + ": this model has layers 0 to "
                        + (model.layers() - 1)
                        + (config.coupled() ? ", and coupled routers need both modules of a layer to lean" : ""));
            }
            keys.add(key(config, site) + ".");
        }
        return keys;
    }

    private static String key(RouterConfig config, ModuleSite site) {
        return "layers." + site.layer() + "." + (config.coupled() ? "layer" : site.module());
    }

    /**
     * Routers from stored tensors named {@code layers.N.attention.weight} and so on.
     *
     * @param stored which logit means execute there; memory always has 1
     * @throws CheckpointException if a tensor is missing or has another shape
     */
    public static Routers load(
            NDManager owner, DecoderConfig model, RouterConfig config, TensorSource source, ExecuteIndex stored) {
        return make(owner, model, config, (name, shape) -> {
            float[] numbers = numbers(source, name, shape);
            boolean logits = !name.contains(".hidden.");
            return logits && stored == ExecuteIndex.ZERO ? swapped(numbers) : numbers;
        });
    }

    /**
     * The authors' published routers: {@code model.layers.N.router_attention.weight_predictor.weight}, linear with
     * bias, index 0 = execute, reading the layer's input.
     *
     * @param source the tensors of their {@code .pth} file
     */
    public static Routers published(NDManager owner, DecoderConfig model, TensorSource source) {
        RouterConfig config = RouterConfig.published();
        boolean wrapped = source.names().stream().anyMatch(n -> n.startsWith("base_model.model."));
        return make(owner, model, config, (name, shape) -> {
            String key = (wrapped ? "base_model.model.model." : "model.")
                    + name.replace(".attention.", ".router_attention.weight_predictor.")
                            .replace(".mlp.", ".router_mlp.weight_predictor.");
            return swapped(numbers(source, key, shape));
        });
    }

    @FunctionalInterface
    private interface Numbers {
        float[] of(String name, long[] shape);
    }

    private static Routers make(NDManager owner, DecoderConfig model, RouterConfig config, Numbers numbers) {
        Places places = Places.under(owner);
        List<Router> routers = new ArrayList<>();
        for (ModuleSite site : model.sites()) {
            if (config.coupled() && site.module() == ModuleKind.MLP) {
                continue;
            }
            String key = key(config, site);
            List<String> names = Router.names(config, key);
            List<long[]> shapes =
                    Router.shapes(config, model.layer(site.layer()).width());
            List<NDArray> parameters = new ArrayList<>();
            NDManager there = places.owner(site.layer());
            for (int i = 0; i < names.size(); i++) {
                parameters.add(there.create(numbers.of(names.get(i), shapes.get(i)), new Shape(shapes.get(i))));
            }
            routers.add(new Router(config, key, parameters));
        }
        return new Routers(config, routers);
    }

    private static float[] drawn(long[] shape, boolean beforeRelu, SplittableRandom random) {
        float[] out = new float[(int) new Shape(shape).size()];
        if (shape.length == 2) {
            double bound = Math.sqrt((beforeRelu ? 6.0 : 3.0) / shape[1]);
            for (int i = 0; i < out.length; i++) {
                out[i] = (float) ((2 * random.nextDouble() - 1) * bound);
            }
        }
        return out;
    }

    private static float[] numbers(TensorSource source, String name, long[] shape) {
        TensorInfo info = source.info(name);
        if (!Arrays.equals(info.shape(), shape)) {
            throw new CheckpointException("router tensor " + name + " has shape " + Arrays.toString(info.shape())
                    + " but this model and router form need " + Arrays.toString(shape)
                    + ": load it onto the model it was tuned for");
        }
        return source.floats(name);
    }

    // The two logits lie one after another, whatever follows them.
    private static float[] swapped(float[] numbers) {
        int half = numbers.length / 2;
        float[] out = new float[numbers.length];
        System.arraycopy(numbers, 0, out, half, half);
        System.arraycopy(numbers, half, out, 0, half);
        return out;
    }

    /** The form all share. */
    public RouterConfig config() {
        return config;
    }

    /** All routers in forward order. */
    public List<Router> all() {
        return routers;
    }

    /** The router that decides for a module. */
    public Router of(ModuleSite site) {
        return routers.get(index(site));
    }

    /** Which of {@link #all} decides for a module. */
    int index(ModuleSite site) {
        return config.coupled() ? site.layer() : site.index();
    }

    /** Every parameter in order. */
    public List<NDArray> parameters() {
        return routers.stream().flatMap(r -> r.parameters().stream()).toList();
    }

    /** Every parameter's name in the same order. */
    public List<String> names() {
        return routers.stream().flatMap(r -> r.names().stream()).toList();
    }

    /** Identity of the weights: sha256 of their numbers in order, hex. */
    public String hash() {
        TensorHash sum = new TensorHash();
        for (NDArray p : parameters()) {
            float[] numbers = p.toFloatArray();
            ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(numbers);
            sum.update(bytes);
        }
        return sum.hex();
    }

    /** How many layers they decide for. */
    public int layers() {
        return config.coupled() ? routers.size() : routers.size() / 2;
    }

    /**
     * Copies whose biases hold thresholds: with l the threshold's logit, {@code b_skip + l/2} and {@code b_execute - l/2}, so that the
     * likelier choice is what the thresholds chose. Routers that learn on decide by their biases, and begin where they stood.
     *
     * @throws IllegalArgumentException if a threshold is turned and the routers have no bias that could hold it, or it is 0 or 1
     */
    public Routers holding(Thresholds thresholds, NDManager owner) {
        if (thresholds.isArgmax()) {
            return copy(owner);
        }
        if (!config.bias()) {
            throw new IllegalArgumentException(
                    "routers without a bias cannot go on from turned thresholds, which only a"
                            + " bias can hold: turn them back with withThresholds(Thresholds.argmax()), or use withBias(true)");
        }
        if (Arrays.stream(thresholds.logits()).anyMatch(Double::isInfinite)) {
            throw new IllegalArgumentException(
                    "thresholds of 0 and 1 execute all or nothing whatever a router says, which"
                            + " no bias holds and no router unlearns: set others with withThresholds(…)");
        }
        Routers copies = copy(owner);
        for (int i = 0; i < routers.size(); i++) {
            List<NDArray> parameters = copies.routers.get(i).parameters();
            NDArray bias = parameters.get(parameters.size() - 1);
            float[] numbers = bias.toFloatArray();
            float half = (float) (thresholds.at(config.coupled() ? 2 * i : i) / 2);
            bias.set(new float[] {numbers[0] + half, numbers[1] - half});
        }
        return copies;
    }

    /** Copies whose owner is another. */
    public Routers copy(NDManager owner) {
        Places places = Places.under(owner);
        List<Router> copies = new ArrayList<>();
        for (int i = 0; i < routers.size(); i++) {
            Router r = routers.get(i);
            NDManager there =
                    places.owner(config.coupled() ? i : ModuleSite.of(i).layer());
            List<NDArray> arrays = new ArrayList<>();
            for (NDArray p : r.parameters()) {
                arrays.add(there.create(p.toFloatArray(), p.getShape()));
            }
            copies.add(new Router(config, r.key(), arrays));
        }
        return new Routers(config, copies);
    }
}
