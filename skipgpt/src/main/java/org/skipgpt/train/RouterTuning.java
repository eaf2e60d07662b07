package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.SeededDropout;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.loss.Teacher;
import org.skipgpt.loss.Wanted;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.LayerRun;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SplitForward;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Identity;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Controller;
import org.skipgpt.route.Gate;
import org.skipgpt.route.LearningPolicy;
import org.skipgpt.route.Noise;
import org.skipgpt.route.Positions;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * Stage 1 of SkipGPT: routers learn, weights do not; or, with an adapter, SkipGPT-Joint, where both learn.
 *
 * <p>{@code L = L_lm + alpha |T - r|} (SkipGPT, 2025, Eq. 9, Algorithm 1).
 *
 * <pre>{@code
 * var tuning = RouterTuning.of(model, routers, gate, RouterTuningConfig.paper(0.25), loop, batches, "books");
 * TrainingLoop.run(tuning, loop, manager, observer);
 * }</pre>
 */
public final class RouterTuning implements Objective {
    private final LanguageModel model;
    private final Decoder decoder;
    private final Routers routers;
    private final Gate gate;
    private final RouterTuningConfig config;
    private final LoopConfig loop;
    private final Batches batches;
    private final String data;
    private final double adapterRate;
    private final Teacher teacher;
    private final Optional<SeededDropout> dropout;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();
    private final NDArray missed; // sum over steps of T - r
    private final SharePull range;
    private long rateStep = -1;
    private double stepRate;

    private RouterTuning(
            LanguageModel model,
            Routers routers,
            Gate gate,
            RouterTuningConfig config,
            LoopConfig loop,
            Batches batches,
            String data,
            boolean joint,
            double adapterRate,
            Decoder dense) {
        this.model = model;
        this.decoder = model.differentiable();
        this.routers = routers;
        this.gate = gate;
        this.config = config;
        this.loop = loop;
        this.batches = batches;
        this.data = data;
        this.adapterRate = adapterRate;
        this.teacher = Teacher.of(dense, config.distill());
        for (int i = 0; i < routers.names().size(); i++) {
            parameters.put(
                    "router." + routers.names().get(i), routers.parameters().get(i));
        }
        if (joint) {
            parameters.putAll(Lora.named(model.adapter().orElseThrow(), model.config()));
        }
        this.dropout = joint && config.dropout() > 0
                ? Optional.of(new SeededDropout(decoder.weights().manager()))
                : Optional.empty();
        parameters.values().forEach(Gradients::require);
        NDManager owner = routers.parameters().get(0).getManager();
        this.missed = owner.zeros(new Shape());
        this.range = SharePull.of(config.schedule(), owner);
    }

    /**
     * Stage 1.
     *
     * @param model its weights and any adapter stay as they are
     * @param routers changed in place
     * @param loop the settings the loop is run with
     * @param data identity of the text
     */
    public static RouterTuning of(
            LanguageModel model,
            Routers routers,
            Gate gate,
            RouterTuningConfig config,
            LoopConfig loop,
            Batches batches,
            String data) {
        return new RouterTuning(model, routers, gate, config, loop, batches, data, false, 1, model.decoder());
    }

    /**
     * SkipGPT-Joint: routers and the model's adapter learn together from the whole loss.
     *
     * @param adapterRate the adapter's learning rate as a share of the routers'
     * @param dense the model without the adapter, which a distilled part of the loss follows
     * @throws IllegalArgumentException if the model has no adapter, or the settings sample skipping rows
     */
    public static RouterTuning joint(
            LanguageModel model,
            Routers routers,
            Gate gate,
            RouterTuningConfig config,
            LoopConfig loop,
            Batches batches,
            String data,
            double adapterRate,
            Decoder dense) {
        if (model.adapter().isEmpty()) {
            throw new IllegalArgumentException(
                    "joint tuning needs a model with an adapter: use withAdapter(Lora.init(…)) first");
        }
        if (config.rho() < 1) {
            throw new IllegalArgumentException("rho " + config.rho()
                    + " samples the rows that skip while only routers learn; joint tuning is exact: use withRho(1)");
        }
        return new RouterTuning(model, routers, gate, config, loop, batches, data, true, adapterRate, dense);
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, NDArray> state() {
        Map<String, NDArray> state = new LinkedHashMap<>(range.state());
        if (!(config.budget().controller() instanceof Controller.Absolute)) {
            state.put("budget.missed", missed);
        }
        return state;
    }

    @Override
    public void finish(long step, Map<String, Double> means) {
        double target = config.target(step, loop.steps());
        double missing = target - Objects.requireNonNull(means.get("r"));
        missed.addi((float) missing);
        range.missed(target, missing);
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        return forward(scope, step, micro, weight).get();
    }

    @Override
    public Supplier<Map<String, Double>> forward(NDManager scope, long step, int micro, double weight) {
        int[][] sequences = batches.batch(step * loop.accumulation() + micro);
        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        Micro state = new Micro(rows, step, micro, weight);
        if (config.budget().scope() == Budget.Scope.GLOBAL_BATCH && loop.accumulation() > 1) {
            state.fix(globalRate(step));
        }
        Wanted wanted = teacher.wanted(scope, LanguageLoss.targets(sequences), rows);
        Backward passes = new Backward(state.own, rows, wanted, weight)
                .expecting(site -> !model.policy().isDropped(site));
        Supplier<Wanted.Loss> back = config.recompute()
                ? passes.recomputed(scope, state::layer, state::settle, state::surrogate)
                : passes.whole(scope, state::layer, () -> {
                    state.settle();
                    return state.surrogate(scope);
                });
        return () -> row(back.get(), state, step);
    }

    private Map<String, Double> row(Wanted.Loss loss, Micro state, long step) {
        Map<String, Double> row = new LinkedHashMap<>();
        double missing = config.target(step, loop.steps()) - state.rate;
        double penalty = state.force * missing;
        row.put("loss", loss.total() + penalty);
        row.put("LM loss", loss.text());
        if (teacher.share() > 0) {
            row.put("KL to dense", loss.teacher());
        }
        row.put("penalty", penalty);
        row.put("r", state.rate);
        row.put("s_attn", state.skipped(ModuleKind.ATTENTION));
        row.put("s_mlp", state.skipped(ModuleKind.MLP));
        row.put("tau", config.temperature().at(step, loop.steps()));
        row.put("tokens", (double) state.rows.size());
        return row;
    }

    // The penalty's sign is one for the whole step, so r of all micro-batches is measured before the first backward.
    private synchronized double globalRate(long step) {
        if (rateStep != step) {
            double sum = 0;
            long tokens = 0;
            for (int micro = 0; micro < loop.accumulation(); micro++) {
                try (InUse.Hold held = model.hold();
                        NDManager scope = model.scope();
                        var off = Torch.gradients(false)) {
                    int[][] sequences = batches.batch(step * loop.accumulation() + micro);
                    Rows rows = LanguageLoss.rows(scope, decoder, sequences);
                    Micro state = new Micro(rows, step, micro, 1);
                    LayerRun.through(rows.places(), 0, decoder.config().layers(), decoder.embed(rows), state::layer);
                    state.settle();
                    sum += state.rate * rows.size();
                    tokens += rows.size();
                }
            }
            stepRate = sum / tokens;
            rateStep = step;
        }
        return stepRate;
    }

    /** One micro-batch: draws that repeat, gates so far, realised rates. */
    private final class Micro {
        private final Rows rows;
        private final double weight;
        private final double target;
        private final double shift;
        private final Noise noise;
        private final LearningPolicy.Setting setting;
        private final Decoder own;
        private final SplitForward split;
        private final float[] weights = config.budget().weights(model.config());
        private final double[] executed = new double[model.config().modules()];
        private List<Integer> places = new ArrayList<>();
        private List<NDArray> gates = new ArrayList<>();
        private double rate;
        private double force;
        private double fixed = Double.NaN;

        Micro(Rows rows, long step, int micro, double weight) {
            long seed = Noise.mixed(loop.seed(), step * loop.accumulation() + micro);
            this.rows = rows;
            this.weight = weight;
            this.target = config.target(step, loop.steps());
            this.noise = Noise.gumbel(gate, seed);
            this.shift = range.shift(target);
            this.setting = config.setting(step, loop.steps()).withShift(shift);
            this.own = dropout.map(d -> decoder.withDropout(d.masks(config.dropout(), seed)))
                    .orElse(decoder);
            this.split = new SplitForward(own, config.rho(), seed);
        }

        void fix(double global) {
            fixed = global;
        }

        NDArray layer(int layer, NDArray in) {
            LearningPolicy policy = new LearningPolicy(gate, routers, setting, noise);
            // Modules that the model lacks stay away: about them no router is asked, and all tokens skip them.
            LayerPolicy around = model.policy().withCore(policy);
            NDArray middle = module(new ModuleSite(layer, ModuleKind.ATTENTION), in, in, around); // (N, D)
            NDArray out = module(new ModuleSite(layer, ModuleKind.MLP), middle, in, around); // (N, D)
            int asked = 0;
            for (int i = 2 * layer; i < 2 * layer + 2; i++) {
                if (around.isDropped(ModuleSite.of(i))) {
                    executed[i] = 0;
                    continue;
                }
                NDArray g = policy.gates().get(asked++);
                executed[i] = g.sum().getFloat() / rows.size();
                places.add(i);
                gates.add(g);
            }
            return out;
        }

        private NDArray module(ModuleSite site, NDArray x, NDArray in, LayerPolicy policy) {
            return config.sparseBackward()
                            && parameters.size() == routers.names().size()
                    ? split.module(site, x, in, rows, policy)
                    : own.module(site, x, in, rows, policy, Execution.MASKED, Trace.none());
        }

        /** After the forward pass: r, and on which side of the target it lies. */
        void settle() {
            double kept = 0;
            for (int m = 0; m < executed.length; m++) {
                kept += weights[m] * executed[m];
            }
            rate = 1 - kept;
            double missing = target - (Double.isNaN(fixed) ? rate : fixed);
            force = Math.exp(shift)
                    * config.budget().controller().factor(config.budget().alpha(), missing, missed.getFloat());
            if (config.recompute()) {
                places = new ArrayList<>();
                gates = new ArrayList<>();
            }
        }

        /** A scalar with the penalty's gradient: force times executed share, of the gates not yet asked for. */
        NDArray surrogate(NDManager scope) {
            NDList parts = new NDList();
            for (int i = 0; i < gates.size(); i++) {
                double factor = weight * force * weights[places.get(i)] / rows.size();
                NDArray executing =
                        worth(gates.get(i), ModuleSite.of(places.get(i))).sum(); // ()
                parts.add(Gradients.times(scope, Places.moved(executing, scope), factor));
            }
            places = new ArrayList<>();
            gates = new ArrayList<>();
            NDArray sum = scope.zeros(new Shape());
            for (NDArray part : parts) {
                sum = part.add(sum);
            }
            return sum;
        }

        // What the rows' skips are worth where they stand; a coupled pair decides alike.
        private NDArray worth(NDArray gate, ModuleSite site) {
            Positions positions = config.budget().positions();
            ModuleKind kind = routers.config().coupled() ? ModuleKind.ATTENTION : site.module();
            return positions.isEven() ? gate : gate.mul(positions.worth(gate.getManager(), kind, rows)); // (N)
        }

        double skipped(ModuleKind module) {
            double sum = 0;
            for (int m = module == ModuleKind.ATTENTION ? 0 : 1; m < executed.length; m += 2) {
                sum += 1 - executed[m];
            }
            return sum / model.config().layers();
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
        return parameters.size() == routers.names().size() ? "router tuning" : "joint tuning";
    }

    @Override
    public Identity identity() {
        List<ModuleSite> gone = model.config().sites().stream()
                .filter(model.policy()::isDropped)
                .toList();
        return config.identity(describe())
                .with("routers", routers.config())
                .with("model", RunFacts.of(model))
                .with("adapterRate", adapterRate)
                .with("data", data)
                .with("without", gone, List.of())
                .formerly(describe() + " · " + config + " · " + routers.config() + " · " + RunFacts.former(model)
                        + " · " + adapterRate + " · " + data + (gone.isEmpty() ? "" : " · without " + gone));
    }
}
