package org.skipgpt.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;

/**
 * Starts and merges low-rank adapters.
 *
 * <pre>{@code
 * var adapted = model.withAdapter(Lora.init(manager, model.config(), LoraConfig.defaults(), 43));
 * var merged = Lora.merge(adapted, manager);
 * }</pre>
 */
public final class Lora {
    private Lora() {}

    /**
     * A fresh adapter that changes nothing yet: A Kaiming uniform with a = sqrt 5, that is within 1/sqrt(inputs), B 0.
     *
     * @param owner owns the factors, each where its layer is; for a model on several devices an owner below it, as {@code model.scope()}
     * @param seed of the draws
     */
    public static Adapter init(NDManager owner, DecoderConfig model, LoraConfig config, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Places places = Places.under(owner);
        Map<Adapter.Key, Adapter.Pair> pairs = new HashMap<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            for (Projection p : Projection.values()) {
                if (config.targets().contains(p)) {
                    int inputs = p.inputs(model, layer);
                    float[] a = new float[config.rank() * inputs];
                    double bound = 1 / Math.sqrt(inputs);
                    for (int i = 0; i < a.length; i++) {
                        a[i] = (float) ((2 * random.nextDouble() - 1) * bound);
                    }
                    pairs.put(
                            new Adapter.Key(layer, p),
                            new Adapter.Pair(
                                    places.owner(layer).create(a, new Shape(config.rank(), inputs)),
                                    places.owner(layer).zeros(new Shape(p.outputs(model, layer), config.rank()))));
                }
            }
        }
        return new Adapter(config.targets(), config.scale(), pairs);
    }

    /** The same factors as arrays of another owner, which record no gradient. */
    public static Adapter copy(Adapter adapter, NDManager owner) {
        Places places = Places.under(owner);
        Map<Adapter.Key, Adapter.Pair> pairs = new HashMap<>();
        adapter.pairs().forEach((key, pair) -> {
            NDManager there = places.owner(key.layer());
            pairs.put(
                    key,
                    new Adapter.Pair(
                            there.create(pair.a().toFloatArray(), pair.a().getShape()),
                            there.create(pair.b().toFloatArray(), pair.b().getShape())));
        });
        return new Adapter(adapter.targets(), adapter.scale(), pairs);
    }

    /** The factors in a fixed order: layer by layer, projection by projection, A then B. */
    public static List<NDArray> parameters(Adapter adapter, DecoderConfig model) {
        List<NDArray> all = new ArrayList<>();
        for (Adapter.Key key : keys(adapter, model)) {
            all.add(adapter.pair(key.layer(), key.projection()).a());
            all.add(adapter.pair(key.layer(), key.projection()).b());
        }
        return all;
    }

    /** The same by the names under which a run keeps them: {@code adapter.0} and so on. */
    public static Map<String, NDArray> named(Adapter adapter, DecoderConfig model) {
        Map<String, NDArray> all = new LinkedHashMap<>();
        parameters(adapter, model).forEach(factor -> all.put("adapter." + all.size(), factor));
        return all;
    }

    static List<Adapter.Key> keys(Adapter adapter, DecoderConfig model) {
        List<Adapter.Key> keys = new ArrayList<>();
        for (int layer = 0; layer < model.layers(); layer++) {
            for (Projection p : Projection.values()) {
                if (adapter.targets().contains(p)) {
                    keys.add(new Adapter.Key(layer, p));
                }
            }
        }
        return keys;
    }

    /**
     * A model whose weights hold the correction: {@code W + (alpha / rank) B A}. The adapted model stays as it is;
     * matrices without a correction are shared.
     *
     * @param owner owns the new matrices; close it after the last use of the merged model
     * @throws IllegalArgumentException if the model has no adapter
     */
    public static LanguageModel merge(LanguageModel model, NDManager owner) {
        return merge(model, owner, Map.of());
    }

    /**
     * As {@link #merge(LanguageModel, NDManager)}, with rows of some corrected matrices brought to given lengths:
     * {@code m (W + s B A) / ||W + s B A||} (Liu and others, DoRA, 2024).
     */
    static LanguageModel merge(LanguageModel model, NDManager owner, Map<Adapter.Key, NDArray> lengths) {
        Adapter adapter = model.adapter()
                .orElseThrow(() -> new IllegalArgumentException(
                        "model " + model.name() + " has no adapter to merge; use withAdapter first"));
        DecoderWeights weights = model.decoder().weights();
        weights.checkOnePlace("merging an adapter");
        TorchProgram program = TorchProgram.compile(
                owner, TorchSource.of(Lora.class, "lora.torchscript").code());
        List<LayerWeights> layers = new ArrayList<>();
        for (int layer = 0; layer < model.config().layers(); layer++) {
            List<NDArray> attention =
                    new ArrayList<>(weights.layers().get(layer).attention());
            List<NDArray> mlp = new ArrayList<>(weights.layers().get(layer).mlp());
            List<NDArray> sums = new ArrayList<>();
            for (Projection p : adapter.targets()) {
                List<NDArray> own = p.module() == ModuleKind.ATTENTION ? attention : mlp;
                int place = LayerTensors.place(model.config(), p.module(), p.array());
                NDArray sum = merged(program, owner, own.get(place), adapter, lengths, layer, p, model.config());
                own.set(place, sum);
                sums.add(sum);
            }
            layers.add(LayerWeights.sharing(owner, attention, mlp, sums)
                    .withShortcutsOf(weights.layers().get(layer)));
        }
        DecoderWeights merged = weights.withLayers(owner, layers);
        // The sum of base and adapter is another model, so it has no hash of a stored checkpoint.
        LanguageModel plain =
                LanguageModel.dense(model.name() + " merged", "", model.tokenizer(), model.config(), merged);
        return plain.withPolicy(model.policy()).withExecution(model.execution());
    }

    private static NDArray merged(
            TorchProgram program,
            NDManager owner,
            NDArray w,
            Adapter adapter,
            Map<Adapter.Key, NDArray> lengths,
            int layer,
            Projection p,
            DecoderConfig config) {
        long first = p == Projection.V
                ? config.kvWidth(layer)
                : p == Projection.UP ? config.layer(layer).hidden() : 0;
        Adapter.Pair pair = adapter.pair(layer, p);
        try (NDManager scope = owner.newSubManager()) {
            NDArray length = lengths.getOrDefault(new Adapter.Key(layer, p), scope.create(new float[0]));
            NDArray sum = program.call(
                    "merge", w, pair.a(), pair.b(), scope.create((float) adapter.scale()), scope.create(first), length);
            sum.attach(owner);
            return sum;
        }
    }
}
