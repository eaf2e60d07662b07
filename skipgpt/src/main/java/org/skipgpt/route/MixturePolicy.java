package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * Mixture-of-Depths: of single modules (MoD-D in SkipGPT, 2025) or of whole layers (MoD; Raposo et al., 2024).
 *
 * <p>{@code x = x + sigmoid(r(x)) f(x)} for the {@code k = capacity T} tokens of a sequence of T with the largest score r, x for
 * the others; earlier ones first among equals. Where layers are routed f is both of their modules in turn, with one choice and
 * one weight: {@code x + sigmoid(r(x)) (y - x)}, y what they make of x. Attention sees the chosen alone. To choose the k best looks ahead, so a growing
 * text needs a predictor, which decides about each token from that token.
 */
public final class MixturePolicy implements Dialled {
    static final String METHOD = "mod-d";

    /** How tokens are chosen. */
    public enum Choice {
        /** The k best of each sequence; looks ahead. */
        TOP_K,
        /** Those of which a learned predictor says that they would be among the k best. */
        PREDICTOR,
        /** Those whose own score is above 0, that is whose weight is above one half. */
        THRESHOLD
    }

    /** Compiled arithmetic, for as many policies as one likes. */
    static final class Arithmetic {
        private final TorchProgram program;
        private final NDArray nothing;
        private final List<NDArray> numbers;

        Arithmetic(NDManager owner, int modules) {
            if (!Places.under(owner).isOne()) {
                throw new IllegalStateException(
                        "the layers of this model lie on several devices, and what decides about a"
                                + " mixture of depths is one array for all layers: load(name) places all of them on the"
                                + " workspace's device");
            }
            program = TorchProgram.compile(
                    owner,
                    TorchSource.of(MixturePolicy.class, "mixture.torchscript").code());
            nothing = owner.create(new Shape(0));
            numbers = IntStream.range(0, modules)
                    .mapToObj(m -> owner.create((long) m))
                    .toList();
        }

        NDArray score(NDArray x, NDArray w, int module) {
            return program.call("score", x, w, nothing, numbers.get(module)); // (N)
        }

        NDArray score(NDArray x, NDArray w, NDArray bias, int module) {
            return program.call("score", x, w, bias, numbers.get(module)); // (N)
        }

        NDArray call(String method, NDArray first, NDArray... more) {
            return program.call(method, first, more);
        }
    }

    private final Arithmetic arithmetic;
    private final MixtureWeights weights;
    private final MixtureForm form;
    private final Choice choice;
    private final Thresholds thresholds;
    private final boolean tells;
    // What the predictor is to learn, gathered in a pass; empty where nothing learns.
    private final List<NDArray> lessons;

    private MixturePolicy(
            Arithmetic arithmetic,
            MixtureWeights weights,
            MixtureForm form,
            Choice choice,
            Thresholds thresholds,
            boolean tells,
            List<NDArray> lessons) {
        this.arithmetic = arithmetic;
        this.weights = weights;
        this.form = form;
        this.choice = choice;
        this.thresholds = thresholds;
        this.tells = tells;
        this.lessons = lessons;
    }

    /**
     * A policy over weights at hand.
     *
     * @param owner owns the compiled arithmetic
     * @param capacity share of a sequence's tokens that run each module, above 0 up to 1
     */
    public static MixturePolicy of(NDManager owner, MixtureWeights weights, double capacity, Choice choice) {
        return of(owner, weights, MixtureForm.modules(capacity), choice);
    }

    /** The same in any form; of a layer's two rows of weights the first decides where layers are routed. */
    public static MixturePolicy of(NDManager owner, MixtureWeights weights, MixtureForm form, Choice choice) {
        int modules = (int) weights.router().getShape().get(0);
        return new MixturePolicy(
                new Arithmetic(owner, modules), weights, form, choice, Thresholds.argmax(), false, List.of());
    }

    /** The same with another way to choose. */
    public MixturePolicy withChoice(Choice other) {
        return new MixturePolicy(arithmetic, weights, form, other, thresholds, tells, lessons);
    }

    /** The same choosing the k best, while it learns; keeps the predictor's loss of every module of one pass. */
    public MixturePolicy learning() {
        return new MixturePolicy(arithmetic, weights, form, Choice.TOP_K, thresholds, false, new ArrayList<>());
    }

    @Override
    public Thresholds thresholds() {
        return thresholds;
    }

    /**
     * The same choosing by other scores than those above 0, so that a {@link BudgetDial} brings it to a share.
     *
     * @throws IllegalArgumentException if the k best are chosen, which no threshold changes
     */
    @Override
    public MixturePolicy withThresholds(Thresholds other) {
        if (choice == Choice.TOP_K) {
            throw new IllegalArgumentException("the k best of a text are chosen whatever their scores are: a threshold"
                    + " says nothing; use withChoice(PREDICTOR), or another capacity");
        }
        return new MixturePolicy(arithmetic, weights, form, choice, other, tells, lessons);
    }

    /** The predictor's losses () so far, one a module decided. */
    public List<NDArray> lessons() {
        return List.copyOf(lessons);
    }

    private boolean learns() {
        return lessons instanceof ArrayList;
    }

    @Override
    public MixturePolicy withLogits() {
        return new MixturePolicy(arithmetic, weights, form, choice, thresholds, true, lessons);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        if (!form.isRouted(site.layer())) {
            return Decision.all();
        }
        // Both modules of a layer go by the stream that enters it, so that they choose alike.
        NDArray read = form.blocks() ? layerInput : residual; // (N, D)
        int row = form.blocks() ? 2 * site.layer() : site.index();
        NDArray z = arithmetic.score(read, weights.router(), row); // (N)
        NDArray by = choice == Choice.PREDICTOR
                ? arithmetic.score(read, weights.predictor(), weights.bias(), row) // (N)
                : z;
        float[] open =
                choice == Choice.TOP_K ? best(z.toFloatArray(), rows) : above(by.toFloatArray(), thresholds.at(row));
        NDManager scope = residual.getManager();
        if (learns() && (!form.blocks() || site.module() == ModuleKind.ATTENTION)) {
            NDArray apart = arithmetic.call("detached", read); // (N, D)
            NDArray guess = arithmetic.score(apart, weights.predictor(), weights.bias(), row); // (N)
            lessons.add(arithmetic.call("membership", guess, scope.create(open))); // ()
        }
        Decision chosen = Decision.gated(scope, open);
        Decision decision = form.blocks() ? chosen : chosen.withWeight(arithmetic.call("weight", z));
        // A place among the best has no probability of its own.
        return tells && choice != Choice.TOP_K ? decision.withLogits(arithmetic.call("logits", by)) : decision;
    }

    @Override
    public NDArray leaving(int layer, NDArray in, NDArray out) {
        if (!form.blocks() || !form.isRouted(layer)) {
            return out;
        }
        return arithmetic.call("blend", in, out, arithmetic.score(in, weights.router(), 2 * layer)); // (N, D)
    }

    @Override
    public boolean weighsLayers() {
        return form.blocks();
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return !form.isRouted(site.layer());
    }

    private float[] best(float[] scores, Rows rows) {
        if (rows.parents().length > 0
                || IntStream.range(0, rows.sequences()).anyMatch(s -> rows.at()[rows.starts()[s]] > 0)) {
            throw new IllegalArgumentException(
                    "the best of a text are chosen where all of it is at hand, not pieces that continue others");
        }
        float[] open = new float[scores.length];
        for (int s = 0; s < rows.sequences(); s++) {
            int from = rows.starts()[s];
            int to = rows.starts()[s + 1];
            IntStream.range(from, to)
                    .boxed()
                    .sorted(Comparator.comparingDouble(row -> -scores[row]))
                    .limit(chosen(to - from))
                    .forEach(row -> open[row] = 1);
        }
        return open;
    }

    /** k of a sequence of so many tokens: capacity times them, rounded down, at least one. */
    public int chosen(int tokens) {
        return Math.max(1, (int) Math.floor(form.capacity() * tokens + 1e-9));
    }

    private static float[] above(float[] scores, double threshold) {
        float[] open = new float[scores.length];
        for (int row = 0; row < open.length; row++) {
            open[row] = scores[row] > (float) threshold ? 1 : 0;
        }
        return open;
    }

    @Override
    public boolean isCausal() {
        return choice != Choice.TOP_K;
    }

    /** A token that is not chosen has no keys and values. */
    @Override
    public KvPolicy kvPolicy() {
        return KvPolicy.EXECUTED;
    }

    @Override
    public long parameters(ModuleSite site) {
        if (!form.isRouted(site.layer()) || (form.blocks() && site.module() == ModuleKind.MLP)) {
            return 0;
        }
        long width = weights.router().getShape().get(1);
        return choice == Choice.PREDICTOR ? 2 * width + 1 : width;
    }

    /** What tokens compete for. */
    public MixtureForm form() {
        return form;
    }

    /** What it learned. */
    public MixtureWeights weights() {
        return weights;
    }

    @Override
    public List<SavedPolicy> saved() {
        JsonObject settings = new JsonObject();
        settings.addProperty("capacity", form.capacity());
        settings.addProperty("blocks", form.blocks());
        settings.addProperty("every", form.every());
        settings.addProperty("choice", choice.name());
        if (!thresholds.isArgmax()) {
            settings.add("thresholds", new Gson().toJsonTree(thresholds.logits()));
        }
        return List.of(new SavedPolicy(METHOD, settings, weights.named()));
    }

    @Override
    public Identity identity() {
        return Identity.of(METHOD)
                .with("capacity", form.capacity())
                .with("blocks", form.blocks(), false)
                .with("every", form.every(), 1)
                .with("choice", choice)
                .with("thresholds", thresholds.logits(), Thresholds.argmax().logits())
                .with("weights", weights.hash());
    }

    @Override
    public String describe() {
        return String.format(
                Locale.ROOT,
                "%s at capacity %s %%%s by %s%s",
                form.method(),
                String.format(Locale.ROOT, "%.1f", 100 * form.capacity()).replace(".0", ""),
                form.every() == 1 ? "" : " in one of " + form.every() + " layers",
                choice.name().toLowerCase(Locale.ROOT).replace('_', ' '),
                thresholds.isArgmax() ? "" : " · " + thresholds.describe());
    }
}
