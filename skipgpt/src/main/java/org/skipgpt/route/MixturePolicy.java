package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * Mixture-of-Depths with attention and MLP apart (MoD-D in SkipGPT, 2025; after Raposo et al., MoD, 2024).
 *
 * <p>{@code x = x + sigmoid(r(x)) f(x)} for the {@code k = capacity T} tokens of a sequence of T with the largest score r, x for
 * the others; earlier ones first among equals. Attention sees the chosen alone. To choose the k best looks ahead, so a growing
 * text needs a predictor, which decides about each token from that token.
 */
public final class MixturePolicy implements LayerPolicy {
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
    private final double capacity;
    private final Choice choice;
    private final boolean tells;
    // What the predictor is to learn, gathered in a pass; empty where nothing learns.
    private final List<NDArray> lessons;

    private MixturePolicy(
            Arithmetic arithmetic,
            MixtureWeights weights,
            double capacity,
            Choice choice,
            boolean tells,
            List<NDArray> lessons) {
        this.arithmetic = arithmetic;
        this.weights = weights;
        this.capacity = capacity;
        this.choice = choice;
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
        if (!(capacity > 0 && capacity <= 1)) {
            throw new IllegalArgumentException("capacity " + capacity
                    + " is not allowed: expected a share above 0 up to 1, 0.75 in the paper's 25 %");
        }
        int modules = (int) weights.router().getShape().get(0);
        return new MixturePolicy(new Arithmetic(owner, modules), weights, capacity, choice, false, List.of());
    }

    /** The same with another way to choose. */
    public MixturePolicy withChoice(Choice other) {
        return new MixturePolicy(arithmetic, weights, capacity, other, tells, lessons);
    }

    /** The same choosing the k best, while it learns; keeps the predictor's loss of every module of one pass. */
    public MixturePolicy learning() {
        return new MixturePolicy(arithmetic, weights, capacity, Choice.TOP_K, false, new ArrayList<>());
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
        return new MixturePolicy(arithmetic, weights, capacity, choice, true, lessons);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        NDArray z = arithmetic.score(residual, weights.router(), site.index()); // (N)
        NDArray by = choice == Choice.PREDICTOR
                ? arithmetic.score(residual, weights.predictor(), weights.bias(), site.index()) // (N)
                : z;
        float[] open = choice == Choice.TOP_K ? best(z.toFloatArray(), rows) : above(by.toFloatArray());
        NDManager scope = residual.getManager();
        if (learns()) {
            NDArray apart = arithmetic.call("detached", residual); // (N, D)
            NDArray guess = arithmetic.score(apart, weights.predictor(), weights.bias(), site.index()); // (N)
            lessons.add(arithmetic.call("membership", guess, scope.create(open))); // ()
        }
        Decision decision = Decision.gated(scope, open).withWeight(arithmetic.call("weight", z));
        // A place among the best has no probability of its own.
        return tells && choice != Choice.TOP_K ? decision.withLogits(arithmetic.call("logits", by)) : decision;
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
        return Math.max(1, (int) Math.floor(capacity * tokens + 1e-9));
    }

    private static float[] above(float[] scores) {
        float[] open = new float[scores.length];
        for (int row = 0; row < open.length; row++) {
            open[row] = scores[row] > 0 ? 1 : 0;
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
        long width = weights.router().getShape().get(1);
        return choice == Choice.PREDICTOR ? 2 * width + 1 : width;
    }

    /** What it learned. */
    public MixtureWeights weights() {
        return weights;
    }

    @Override
    public List<SavedPolicy> saved() {
        JsonObject settings = new JsonObject();
        settings.addProperty("capacity", capacity);
        settings.addProperty("choice", choice.name());
        return List.of(new SavedPolicy(METHOD, settings, weights.named()));
    }

    @Override
    public Identity identity() {
        return Identity.of(METHOD)
                .with("capacity", capacity)
                .with("choice", choice)
                .with("weights", weights.hash());
    }

    @Override
    public String describe() {
        return String.format(
                Locale.ROOT,
                "MoD-D at capacity %.0f %% by %s",
                100 * capacity,
                choice.name().toLowerCase(Locale.ROOT).replace('_', ' '));
    }
}
