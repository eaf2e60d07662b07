package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * Fits an approximator to each module that some row skips, without gradients: the map {@code B A} of a rank nearest, in least
 * squares over those rows, to what the module would have added to them (ridge regression, then reduced rank).
 *
 * <p>Modules are fitted in forward order on one pass of calibration text, each on the stream that the approximators before it leave,
 * so that later ones see what they will see. The work is about two forward passes and one system of D + 1 equations a module.
 *
 * <pre>{@code
 * var pruned = drop(model, shortGpt(model, texts, 0.25));
 * var approximated = approximate(pruned, texts, 32);
 * }</pre>
 *
 * @param rank r of each, 0 or more; 0 is plain skipping
 * @param tokens about how many are read, from the first pieces
 * @param ridge penalty on the squared weights in rows a channel, above 0: the larger, the nearer to the mean of what is added
 */
public record ApproximatorFit(int rank, int tokens, double ridge) {
    /** Rows of a pass together, or a few more. */
    private static final int ROWS = 1024;

    /** Checks the ranges; all faults are told at once. */
    public ApproximatorFit {
        List<String> faults = new ArrayList<>();
        if (rank < 0) {
            faults.add("rank " + rank + " must be 0 or more; 32 is usual");
        }
        if (tokens < 16) {
            faults.add("tokens " + tokens + " must be 16 or more");
        }
        if (!(ridge > 0) || Double.isInfinite(ridge)) {
            faults.add("ridge " + ridge + " must be above 0, since channels of a stream depend on each other");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("approximators: " + String.join("; ", faults));
        }
    }

    /** Of a rank, on 16,384 tokens. */
    public static ApproximatorFit of(int rank) {
        return new ApproximatorFit(rank, 16_384, 0.1);
    }

    /** On about so many tokens. */
    public ApproximatorFit withTokens(int count) {
        return new ApproximatorFit(rank, count, ridge);
    }

    /** With another penalty. */
    public ApproximatorFit withRidge(double other) {
        return new ApproximatorFit(rank, tokens, other);
    }

    /**
     * The model whose skipping rows go through approximators; they belong to an owner that is added to it.
     *
     * @param pieces calibration text
     * @throws IllegalArgumentException if nothing is skipped, if there is no text, if the model has approximators already, or
     *     if what it adds to its stream has no place for one
     */
    public LanguageModel run(LanguageModel model, List<int[]> pieces, ProgressObserver observer) {
        refuse(model);
        if (rank == 0) {
            return model;
        }
        return model.extended(owner -> {
            try (var off = Torch.gradients(false)) {
                Approximators fitted = Approximators.none(owner, rank);
                LayerPolicy policy = new ApproximatingPolicy(model.policy(), fitted);
                fit(model, policy, fitted, owner, first(pieces), observer);
                if (fitted.modules() == 0) {
                    throw new IllegalArgumentException("no row of the calibration text skips a module under "
                            + model.policy().describe() + ", so that nothing is to be approximated");
                }
                return model.withPolicy(policy).withAdded(owner);
            }
        });
    }

    private void refuse(LanguageModel model) {
        if (!model.skips()) {
            throw new IllegalArgumentException("this model is " + model.policy().describe()
                    + " and skips nothing, so that nothing is to be approximated: drop modules or give it"
                    + " routers first");
        }
        if (model.config().sites().stream().anyMatch(site -> model.policy().skipParameters(site) > 0)) {
            throw new IllegalArgumentException(
                    "this model has approximators already: fit the model that they were fitted on");
        }
        if (model.config().hasShortcuts()) {
            throw new IllegalArgumentException("the stream of " + model.name()
                    + " changes its basis at each module: approximate a model that is not sliced");
        }
        if (model.policy().weighsLayers()) {
            throw new IllegalArgumentException("the policy \"" + model.policy().describe()
                    + "\" weighs what a whole layer makes of each row, which leaves single modules no place for an"
                    + " approximation: give one of single modules, e.g. MixtureForm.modules(capacity)");
        }
        if (rank > model.config().width()) {
            throw new IllegalArgumentException("rank " + rank + " is not allowed: expected 0.."
                    + model.config().width() + ", the width of the stream");
        }
    }

    private int[][] first(List<int[]> pieces) {
        List<int[]> some = new ArrayList<>();
        int taken = 0;
        for (int[] piece : pieces) {
            if (taken < tokens && piece.length > 0) {
                some.add(piece);
                taken += piece.length;
            }
        }
        if (some.isEmpty()) {
            throw new IllegalArgumentException("no text to fit approximators on: give texts like those to come");
        }
        return some.toArray(int[][]::new);
    }

    // Pieces that are computed together, and the stream that they have come to.
    private static final class Part {
        private final Rows rows;
        private NDArray x;
        private NDArray layerInput;

        Part(Rows rows, NDArray x) {
            this.rows = rows;
            this.x = x;
            this.layerInput = x;
        }

        // Behind a layer the stream goes to where the next one is.
        void enter(int layer) {
            NDArray there = rows.places().entering(layer, x); // (N, D)
            if (there != x) {
                x.close();
                x = there;
                layerInput = there;
            }
        }
    }

    private void fit(
            LanguageModel model,
            LayerPolicy policy,
            Approximators fitted,
            NDManager owner,
            int[][] pieces,
            ProgressObserver observer) {
        long start = System.nanoTime();
        try (NDManager streams = model.scope()) {
            List<Part> parts = parts(model, streams, pieces);
            List<ModuleSite> sites = model.config().sites();
            for (ModuleSite site : sites) {
                if (site.module() == ModuleKind.ATTENTION) {
                    parts.forEach(part -> part.enter(site.layer()));
                }
                if (!policy.isConstant(site) || policy.isDropped(site)) {
                    fit(model, policy, fitted, owner, site, parts);
                }
                for (Part part : parts) {
                    Interruption.check();
                    advance(model, policy, site, part);
                }
                double seconds = (System.nanoTime() - start) / 1e9;
                observer.progress(
                        new Progress("approximators", site.index() + 1, sites.size(), "modules", seconds, ""));
            }
        }
    }

    private static List<Part> parts(LanguageModel model, NDManager streams, int[][] pieces) {
        List<Part> parts = new ArrayList<>();
        List<int[]> together = new ArrayList<>();
        int count = 0;
        for (int i = 0; i < pieces.length; i++) {
            together.add(pieces[i]);
            count += pieces[i].length;
            if (count >= ROWS || i + 1 == pieces.length) {
                Rows rows = model.decoder().rows(streams, together.toArray(int[][]::new));
                parts.add(new Part(rows, model.decoder().embed(rows)));
                together.clear();
                count = 0;
            }
        }
        return parts;
    }

    private void fit(
            LanguageModel model,
            LayerPolicy policy,
            Approximators fitted,
            NDManager owner,
            ModuleSite site,
            List<Part> parts) {
        try (NDManager scope = model.scope()) {
            NDManager sums = Places.under(scope).owner(site.layer());
            NDList moments = new NDList();
            for (Part part : parts) {
                Interruption.check();
                try (NDManager work = sums.newSubManager()) {
                    NDList own = moments(model, policy, fitted, work, site, part);
                    if (own.isEmpty()) {
                        continue;
                    }
                    if (moments.isEmpty()) {
                        own.attach(sums);
                        moments = own;
                    } else {
                        moments.get(0).addi(own.get(0));
                        moments.get(1).addi(own.get(1));
                    }
                }
            }
            if (!moments.isEmpty()) {
                fitted.fit(
                        owner,
                        site,
                        moments.get(0),
                        moments.get(1),
                        ridge * model.config().width());
            }
        }
    }

    // Of a part's rows that skip; empty where none does.
    private static NDList moments(
            LanguageModel model, LayerPolicy policy, Approximators fitted, NDManager work, ModuleSite site, Part part) {
        NDArray x = part.x.duplicate(); // (N, D)
        x.attach(work);
        NDArray in = part.layerInput == part.x ? x : part.layerInput;
        Decision decision = policy.decide(site, x, in, part.rows);
        long[] skipping = decision.isNone() ? new long[0] : Approximators.skipping(decision, part.rows.size());
        if (!decision.isNone() && skipping.length == 0) {
            return new NDList();
        }
        NDArray added = model.decoder().output(site, x, part.rows); // (N, D)
        if (decision.isNone()) {
            return fitted.moments(x, added);
        }
        NDArray rows = work.create(skipping);
        return fitted.moments(x.get(rows), added.get(rows));
    }

    // The stream behind a module, under the approximators so far.
    private static void advance(LanguageModel model, LayerPolicy policy, ModuleSite site, Part part) {
        NDArray before = part.x;
        NDArray made = model.decoder()
                .module(site, before, part.layerInput, part.rows, policy, Execution.PACKED, Trace.none()); // (N, D)
        boolean ends = site.module() == ModuleKind.MLP;
        NDArray after = ends ? policy.leaving(site.layer(), part.layerInput, made) : made; // (N, D)
        if (made != after && made != before) {
            made.close();
        }
        if (before != after && before != part.layerInput) {
            before.close();
        }
        if (ends && part.layerInput != after) {
            part.layerInput.close();
        }
        part.x = after;
        part.layerInput = ends ? after : part.layerInput;
    }
}
