package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.skipgpt.model.Decision;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.LayerRun;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Thresholds;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * Routers without gradients: each module alone is left out, and its router is fitted to what that costs each token.
 *
 * <p>{@code c = KL(model || model without the module)} at a token, in nats; the router's line over the normed stream u comes nearest
 * to {@code log c} (ridge regression), moved to the mean of c. A token executes where
 * {@code w u + b - log(module's share of the budget) >= theta}, with one theta for all modules that meets the target and goes
 * into the biases, so that the routers decide by argmax.
 *
 * <p>Deviation: the paper draws routers at random and learns all by gradients. This is a start: on SmolLM2 routers that
 * {@code tuneRouters} tunes from here learn faster and better than from a static plan (docs/recipe.md). What leaving out many
 * modules costs is more than the sum of what each costs alone, so the fit alone is no better than a plan.
 *
 * <pre>{@code
 * var fitted = fitRouters(model, texts, 0.25);
 * var tuned = tuneRouters(fitted, texts, 0.25, TuningOptions.practical().withFittedRouters(), observer);
 * }</pre>
 *
 * @param tokens about how many are measured, from the first documents; each costs half a forward pass a module
 * @param length most tokens of a document
 * @param ridge penalty on the squared weights, on the mean square of the fit; channels of a normed stream have a mean square of 1
 * @param kind what the target counts
 */
public record RouterFit(int tokens, int length, double ridge, Budget.Kind kind) {
    /** Least cost a token is taken to have, in nats: below it lies rounding. */
    private static final double LEAST = 1e-4;
    /** Rows of a forward pass together, or a few more: their logits stand in memory twice. */
    private static final int ROWS = 256;
    /** Most memory for the streams that routers are fitted on. */
    private static final long STREAM_BYTES = 512L << 20;

    private static final int TURNED_TOKENS = 1500;

    /** Checks the ranges; all faults are told at once. */
    public RouterFit {
        List<String> faults = new ArrayList<>();
        if (tokens < 16) {
            faults.add("tokens " + tokens + " must be 16 or more");
        }
        if (length < 2) {
            faults.add("length " + length + " must be 2 tokens or more");
        }
        if (!(ridge > 0) || Double.isInfinite(ridge)) {
            faults.add(
                    "ridge " + ridge + " must be above 0, since channels of a stream depend on each other; 1 is usual");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("router fit: " + String.join("; ", faults));
        }
    }

    /** 4,096 tokens in documents of up to 128, ridge 1, a budget of parameters. */
    public static RouterFit defaults() {
        return new RouterFit(4096, 128, 1, Budget.Kind.PARAMS);
    }

    /** With about so many tokens, in documents of up to a length. */
    public RouterFit withTokens(int count, int ofDocument) {
        return new RouterFit(count, ofDocument, ridge, kind);
    }

    /** With another penalty. */
    public RouterFit withRidge(double other) {
        return new RouterFit(tokens, length, other, kind);
    }

    /** With a target that counts something else. */
    public RouterFit withKind(Budget.Kind other) {
        return new RouterFit(tokens, length, ridge, other);
    }

    /**
     * The model with fitted routers. Modules that it lacks stay dropped; their routers are never asked.
     *
     * @param target share to skip, 0..1
     * @param documents text; the first are measured, those after them turn the threshold
     * @throws IllegalArgumentException if the model has routers already, or too little text
     */
    public LanguageModel run(LanguageModel model, double target, List<String> documents, ProgressObserver observer) {
        TuningStage.refuseToReplace(model);
        if (RoutedPolicy.in(model.policy()).isPresent()) {
            throw new IllegalArgumentException(
                    "this model has routers, which a fit would replace: fit its base instead");
        }
        if (model.config().hasShortcuts()) {
            throw new IllegalArgumentException(
                    "the stream of " + model.name() + " changes its basis at each module, so that one"
                            + " module cannot be left out alone: fit a model that is not sliced");
        }
        int most = Math.min(length, model.config().maxPositions());
        HeldOut texts = HeldOut.of(documents, model.tokenizer(), most);
        if (texts.sequences().length == 0) {
            throw new IllegalArgumentException(
                    "routers are fitted on text, but of " + documents.size() + " documents none has two tokens");
        }
        int[][] measured = texts.first(tokens);
        HeldOut after = texts.after(measured.length);
        int[][] turned = (after.sequences().length == 0 ? texts : after).first(TURNED_TOKENS);
        return model.extended(owner -> fitted(model, target, measured, turned, owner, observer));
    }

    private LanguageModel fitted(
            LanguageModel model,
            double target,
            int[][] measured,
            int[][] turned,
            NDManager owner,
            ProgressObserver observer) {
        try (NDManager work = model.scope();
                var off = Torch.gradients(false)) {
            RouterConfig form = RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS);
            Routers routers = Routers.init(work, model.config(), form, 0);
            TorchProgram program = TorchProgram.compile(
                    work, TorchSource.of(RouterFit.class, "fit.torchscript").code());
            Budget budget = Budget.of(target).withKind(kind);
            float[][] costs = costs(model, measured, program, observer);
            fit(model, routers, budget, measured, costs, program);
            Gate gate = Gate.compile(owner);
            LanguageModel fitted = model.withPolicy(model.policy().withCore(RoutedPolicy.of(gate, routers)));
            Thresholds found = BudgetDial.thresholds(fitted, budget, turned);
            return model.withPolicy(model.policy().withCore(RoutedPolicy.of(gate, routers.holding(found, owner))));
        }
    }

    private static List<int[][]> batches(int[][] texts) {
        List<int[][]> batches = new ArrayList<>();
        for (HeldOut left = new HeldOut(texts); left.sequences().length > 0; ) {
            int[][] some = left.first(ROWS);
            batches.add(some);
            left = left.after(some.length);
        }
        return batches;
    }

    /** What leaving out each module costs each token, in nats: 2L arrays of N, empty for modules that are gone already. */
    static float[][] costs(LanguageModel model, int[][] texts, TorchProgram program, ProgressObserver observer) {
        long start = System.nanoTime();
        List<ModuleSite> sites = model.config().sites();
        int tokens = Arrays.stream(texts).mapToInt(text -> text.length).sum();
        float[][] costs = new float[sites.size()][];
        Arrays.setAll(costs, i -> new float[model.policy().isDropped(sites.get(i)) ? 0 : tokens]);
        List<int[][]> batches = batches(texts);
        long passes = (long) batches.size() * costs.length;
        long done = 0;
        int at = 0;
        for (int[][] batch : batches) {
            try (NDManager scope = model.scope()) {
                Rows rows = model.decoder().rows(scope, batch);
                List<NDArray> entering = new ArrayList<>(); // L of (N, D)
                NDArray end = LayerRun.through(
                        rows.places(),
                        0,
                        model.config().layers(),
                        model.decoder().embed(rows),
                        layers(model, rows, model.policy()).keeping(entering::add)); // (N, D)
                NDArray said = program.call("log_softmax", model.decoder().logits(end));
                for (ModuleSite site : sites) {
                    Interruption.check();
                    float[] own = costs[site.index()];
                    if (own.length > 0) {
                        float[] nats = without(model, site, entering.get(site.layer()), rows, said, program);
                        System.arraycopy(nats, 0, own, at, nats.length);
                    }
                    done++;
                    double seconds = (System.nanoTime() - start) / 1e9;
                    observer.progress(new Progress("leaving out each module", done, passes, "passes", seconds, ""));
                }
                at += rows.size();
            }
        }
        return costs;
    }

    private static LayerRun layers(LanguageModel model, Rows rows, LayerPolicy policy) {
        return (layer, in) -> model.decoder().layer(layer, in, rows, policy, Execution.PACKED, Trace.none());
    }

    // Layers before the module's say the same with it and without it, so only the others run.
    private static float[] without(
            LanguageModel model, ModuleSite site, NDArray in, Rows rows, NDArray said, TorchProgram program) {
        LayerPolicy policy = DropPlan.of("left out", model.config(), List.of(site), Provenance.of("left out"))
                .applyTo(model)
                .policy();
        // The loop frees what it is given, but other modules begin with the same stream. Results belong to the owner of
        // the first
        // argument, and are to go before the next module's come.
        try (NDArray x = LayerRun.through(
                        rows.places(),
                        site.layer(),
                        model.config().layers(),
                        in.duplicate(),
                        layers(model, rows, policy)); // (N, D)
                NDArray logits = model.decoder().logits(x); // (N, V)
                NDArray nats = program.call("divergence", said, logits)) {
            return nats.toFloatArray(); // (N)
        }
    }

    private void fit(
            LanguageModel model, Routers routers, Budget budget, int[][] texts, float[][] costs, TorchProgram program) {
        float[] shares = budget.weights(model.config());
        List<ModuleSite> sites = model.config().sites();
        int tokens = Arrays.stream(texts).mapToInt(text -> text.length).sum();
        long bytes = 4L * tokens * model.config().width();
        int together = (int) Math.max(1, Math.min(sites.size(), STREAM_BYTES / bytes));
        for (int from = 0; from < sites.size(); from += together) {
            List<ModuleSite> some = sites.subList(from, Math.min(sites.size(), from + together));
            Map<ModuleSite, float[]> streams = streams(model, texts, some, tokens);
            for (ModuleSite site : some) {
                Interruption.check();
                int i = site.index();
                if (costs[i].length > 0) {
                    float[] line = line(model, program, Objects.requireNonNull(streams.get(site)), costs[i]);
                    set(routers, site, line, Math.log((double) shares[i] * sites.size()));
                }
            }
        }
    }

    // What the routers of some modules read when nothing is skipped, (N, D) each.
    private static Map<ModuleSite, float[]> streams(
            LanguageModel model, int[][] texts, List<ModuleSite> sites, int tokens) {
        int width = model.config().width();
        Map<ModuleSite, float[]> streams = new HashMap<>();
        sites.forEach(site -> streams.put(site, new float[tokens * width]));
        int at = 0;
        for (int[][] batch : batches(texts)) {
            int from = at * width;
            try (NDManager scope = model.scope()) {
                Rows rows = model.decoder().rows(scope, batch);
                model.forward(rows, new Trace() {
                    @Override
                    public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows r) {
                        float[] into = streams.get(site);
                        if (into != null) {
                            float[] u = before.toType(DataType.FLOAT32, false).toFloatArray();
                            System.arraycopy(u, 0, into, from, u.length);
                        }
                    }
                });
                at += rows.size();
            }
        }
        return streams;
    }

    private float[] line(LanguageModel model, TorchProgram program, float[] stream, float[] costs) {
        float[] y = new float[costs.length];
        for (int t = 0; t < y.length; t++) {
            y[t] = (float) Math.log(Math.max(LEAST, costs[t]));
        }
        try (NDManager scope = model.scope()) {
            NDArray u = scope.create(stream, new Shape(y.length, stream.length / y.length));
            return program.call("line", u, scope.create(y), scope.create((float) ridge))
                    .toFloatArray();
        }
    }

    // The two logits share the line: what executes is half of it, what skips the other half with the opposite sign.
    private static void set(Routers routers, ModuleSite site, float[] line, double logShare) {
        int width = line.length - 1;
        float[] weight = new float[2 * width];
        for (int j = 0; j < width; j++) {
            weight[j] = -line[j] / 2;
            weight[width + j] = line[j] / 2;
        }
        float margin = (float) (line[width] - logShare);
        List<NDArray> parameters = routers.of(site).parameters();
        parameters.get(0).set(weight);
        parameters.get(1).set(new float[] {-margin / 2, margin / 2});
    }
}
