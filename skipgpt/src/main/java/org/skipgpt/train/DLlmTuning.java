package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.SeededDropout;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.loss.Wanted;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.ExecutionBounds;
import org.skipgpt.route.ForcedExecution;
import org.skipgpt.route.Gate;
import org.skipgpt.route.Noise;
import org.skipgpt.route.Router;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Places;

/**
 * D-LLM learns (Jiang and others, 2024): a router a layer by the straight-through Gumbel-softmax, and an adapter beside them.
 *
 * <p>{@code L = L_lm + lambda |mean of gates - (1 - target)|}, where a layer gives {@code g y + (1 - g) x} and a key counts by its
 * row's gate: weights of the softmax times the gates, made to add up to 1 again.
 *
 * <p>Deviation: the authors' adapters begin normal and drop what they give; here they begin and drop as everywhere in this library. A
 * text that was packed with others begins nowhere else than its row, so forced first tokens are those of a row.
 */
public final class DLlmTuning implements Objective {
    private final LanguageModel model;
    private final Decoder decoder;
    private final Routers routers;
    private final Gate gate;
    private final DLlmForm form;
    private final ForcedExecution forced;
    private final LoraConfig lora;
    private final LoopConfig loop;
    private final Batches batches;
    private final double adapterRate;
    private final boolean recompute;
    private final String data;
    private final LongFunction<Noise> draws;
    private final Optional<SeededDropout> dropout;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    /**
     * An objective over routers and the model's adapter, where it has one.
     *
     * @param model dense but for modules that were dropped; its weights stay as they are
     * @param routers changed in place, but for those of layers that always run
     * @param lora the adapter's shape; its dropout is used
     * @param adapterRate the adapter's learning rate as a share of the routers'
     * @param recompute run layers twice and keep their inputs only
     * @param data identity of the text
     * @throws IllegalArgumentException if the target cannot be met, or the stream changes its width on its way
     */
    public DLlmTuning(
            LanguageModel model,
            Routers routers,
            Gate gate,
            DLlmForm form,
            LoraConfig lora,
            LoopConfig loop,
            Batches batches,
            double adapterRate,
            boolean recompute,
            String data) {
        this(
                model,
                routers,
                gate,
                form,
                lora,
                loop,
                batches,
                adapterRate,
                recompute,
                data,
                seed -> Noise.gumbel(gate, seed));
    }

    DLlmTuning(
            LanguageModel model,
            Routers routers,
            Gate gate,
            DLlmForm form,
            LoraConfig lora,
            LoopConfig loop,
            Batches batches,
            double adapterRate,
            boolean recompute,
            String data,
            LongFunction<Noise> draws) {
        if (model.config().sites().stream().anyMatch(site -> model.policy().skipParameters(site) > 0)) {
            throw new IllegalArgumentException(
                    "D-LLM learns what skipping a layer as it is costs, but this model has approximators: tune it first"
                            + " and approximate the result");
        }
        if (model.config().hasShortcuts()) {
            throw new IllegalArgumentException(
                    "D-LLM mixes what enters a layer with what leaves it, but this model's stream"
                            + " changes on its way: use routers, which weigh what a module adds");
        }
        this.forced = form.forced(model.config());
        this.model = model;
        this.decoder = model.differentiable();
        this.routers = routers;
        this.gate = gate;
        this.form = form;
        this.lora = lora;
        this.loop = loop;
        this.batches = batches;
        this.adapterRate = adapterRate;
        this.recompute = recompute;
        this.data = data;
        this.draws = draws;
        for (int layer = 0; layer < model.config().layers(); layer++) {
            if (!isRouted(layer)) {
                continue;
            }
            Router one = routers.of(attention(layer));
            for (int i = 0; i < one.names().size(); i++) {
                parameters.put("router." + one.names().get(i), one.parameters().get(i));
            }
        }
        model.adapter().ifPresent(adapter -> parameters.putAll(Lora.named(adapter, model.config())));
        this.dropout = model.adapter().isPresent() && lora.dropout() > 0
                ? Optional.of(new SeededDropout(decoder.weights().manager()))
                : Optional.empty();
        parameters.values().forEach(Gradients::require);
    }

    private static ModuleSite attention(int layer) {
        return new ModuleSite(layer, ModuleKind.ATTENTION);
    }

    private static ModuleSite mlp(int layer) {
        return new ModuleSite(layer, ModuleKind.MLP);
    }

    private boolean isAbsent(int layer) {
        return model.policy().isDropped(attention(layer)) && model.policy().isDropped(mlp(layer));
    }

    private boolean isRouted(int layer) {
        return !forced.layers().contains(layer) && !isAbsent(layer);
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        long number = step * loop.accumulation() + micro;
        int[][] sequences = batches.batch(number);
        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        Micro state = new Micro(rows, Noise.mixed(loop.seed(), number), weight);
        Wanted wanted = Wanted.text(LanguageLoss.targets(sequences));
        Backward passes = new Backward(state.own, rows, wanted, weight);
        Supplier<Wanted.Loss> back = recompute
                ? passes.recomputed(scope, state::layer, state::settle, state::surrogate)
                : passes.whole(scope, state::layer, () -> {
                    state.settle();
                    return state.surrogate(scope);
                });
        Wanted.Loss loss = back.get();
        Map<String, Double> row = new LinkedHashMap<>();
        row.put("loss", loss.total() + state.penalty.value());
        row.put("LM loss", loss.text());
        row.put("penalty", state.penalty.value());
        row.put("r", 1 - state.penalty.executed());
        row.put("tokens", (double) rows.size());
        return row;
    }

    /** One micro-batch: draws that repeat, and the gates of its layers. */
    private final class Micro {
        private final Rows rows;
        private final double weight;
        private final Noise noise;
        private final Decoder own;
        private final boolean[] counted;
        // By layer; those whose gradient is still to come.
        private final Map<Integer, NDArray> gates = new TreeMap<>();
        private final Map<Integer, float[]> open = new TreeMap<>();
        private final Map<Integer, float[]> slopes = new TreeMap<>();
        private DLlmPenalty penalty = new DLlmPenalty(0, 1, List.of());

        Micro(Rows rows, long seed, double weight) {
            this.rows = rows;
            this.weight = weight;
            this.noise = draws.apply(seed);
            this.own = dropout.map(d -> decoder.withDropout(d.masks(lora.dropout(), seed)))
                    .orElse(decoder);
            this.counted = new boolean[rows.size()];
            for (int row = 0; row < counted.length; row++) {
                counted[row] = rows.at()[row] >= form.firstTokens();
            }
        }

        NDArray layer(int layer, NDArray in) {
            if (isAbsent(layer)) {
                return in;
            }
            if (!isRouted(layer)) {
                return made(layer, in, Optional.empty()); // (N, D)
            }
            NDArray z = gate.logits(routers.of(attention(layer)), in); // (N, 2)
            NDArray drawn = noise.draw(attention(layer), in); // (N, 2)
            NDList sampled = gate.sample(z, drawn, form.temperature(), ExecutionBounds.none(), forced, rows);
            NDArray g = sampled.get(0); // (N)
            gates.put(layer, g);
            open.put(layer, g.toFloatArray());
            NDArray column = g.expandDims(1); // (N, 1)
            NDArray out = made(layer, in, Optional.of(g)); // (N, D)
            return out.mul(column).add(in.mul(column.onesLike().sub(column))); // (N, D)
        }

        // What attention and MLP of a layer make of what enters it, as far as the model has them.
        private NDArray made(int layer, NDArray in, Optional<NDArray> keys) {
            NDArray x = in; // (N, D)
            if (!model.policy().isDropped(attention(layer))) {
                NDArray f = keys.isPresent()
                        ? own.weighed(attention(layer), in, keys.get(), rows)
                        : own.output(attention(layer), in, rows); // (N, D)
                x = x.add(f); // (N, D)
            }
            return model.policy().isDropped(mlp(layer)) ? x : x.add(own.output(mlp(layer), x, rows)); // (N, D)
        }

        /** After the forward pass: how far from the target, and which way each gate is to go. */
        void settle() {
            int layers = model.config().layers();
            int absent = 0;
            for (int layer = 0; layer < layers; layer++) {
                absent += isAbsent(layer) ? 1 : 0;
            }
            penalty = DLlmPenalty.of(form, List.copyOf(open.values()), layers, absent, counted);
            int at = 0;
            for (int layer : open.keySet()) {
                slopes.put(layer, penalty.slopes().get(at++));
            }
            if (recompute) {
                gates.clear();
            }
        }

        /** A scalar with the penalty's gradient, of the gates not yet asked for. */
        NDArray surrogate(NDManager scope) {
            NDArray sum = scope.zeros(new Shape());
            for (Map.Entry<Integer, NDArray> one : gates.entrySet()) {
                float[] slope = slopes.getOrDefault(one.getKey(), new float[rows.size()]);
                NDArray gate = Places.moved(one.getValue(), scope); // (N)
                NDArray pulled = gate.mul(scope.create(slope)).sum(); // ()
                sum = Gradients.times(scope, pulled, weight).add(sum); // ()
            }
            gates.clear();
            return sum;
        }
    }

    @Override
    public double rateFactor(String parameter) {
        return parameter.startsWith("adapter.") ? adapterRate : 1;
    }

    @Override
    public void close() {
        decoder.close();
        dropout.ifPresent(SeededDropout::close);
    }

    @Override
    public String describe() {
        return "D-LLM tuning";
    }

    @Override
    public Identity identity() {
        Identity policy = model.policy().identity();
        return Identity.of(describe())
                .with("form", form)
                .with("adapter", lora)
                .with("adapterRate", adapterRate)
                .with("policy", policy)
                .with("model", RunFacts.of(model))
                .with("data", data)
                .formerly(describe() + " · " + form + " · " + RunFacts.former(lora) + " · " + policy.json() + " · "
                        + RunFacts.former(model) + " · " + adapterRate + " · " + data);
    }
}
