package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyAround;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/**
 * Routers under a budget that every text spends exactly, where thresholds spend it on average.
 *
 * <p>Of a text's T rows a module m executes those with the largest margins {@code z_execute - z_skip}: {@code round((1 - s_m) T)}
 * of them, earlier ones first among equals ({@link Way#WHOLE_TEXT}, which looks ahead, as Mixture-of-Depths does), or those
 * above a threshold that follows what was spent so far ({@link Way#CAUSAL}):
 * {@code theta_t = theta_0 + rate (executed before t - (1 - s_m) t)}. What the latter spends too much or too little is then at most
 * the spread of the margins around theta_0 divided by the rate, and one row.
 *
 * <pre>{@code
 * var exact = exactBudget(routed, ExactBudget.Way.CAUSAL, texts);   // each module's share as the routers skip it on these texts
 * }</pre>
 */
public final class ExactBudget implements PolicyAround {
    static final String METHOD = "exact-budget";
    /** Logits that the threshold of {@link Way#CAUSAL} rises a row spent too much. */
    public static final double RATE = 0.1;

    /** How the rows are chosen. */
    public enum Way {
        /** The best of the whole text; looks ahead, so that it scores texts and lets none grow. */
        WHOLE_TEXT,
        /** Each row by a threshold that follows what was spent on the rows before it. */
        CAUSAL
    }

    private final LayerPolicy rest;
    private final RoutedPolicy routed;
    private final double[] shares;
    private final Way way;
    private final double rate;
    // What growing sequences have spent; none where whole texts are at hand.
    private final List<Spent> growing;

    private ExactBudget(LayerPolicy rest, double[] shares, Way way, double rate, List<Spent> growing) {
        this.rest = rest;
        this.routed = RoutedPolicy.in(rest)
                .orElseThrow(() -> new IllegalArgumentException(
                        "an exact budget chooses by routers that have learned, but this is " + rest.describe()
                                + ": tune routers first, and give the result its budget"));
        this.shares = shares.clone();
        this.way = way;
        this.rate = rate;
        this.growing = growing;
    }

    /** Rows executed before each position, of each module of one sequence. */
    private static final class Spent {
        private final int[][] before;

        Spent(int modules) {
            before = new int[modules][1];
        }

        private Spent(Spent from) {
            before = Arrays.stream(from.before).map(int[]::clone).toArray(int[][]::new);
        }

        int at(int module, int position) {
            return before[module][position];
        }

        void set(int module, int position, int count) {
            if (position >= before[module].length) {
                before[module] = Arrays.copyOf(before[module], 2 * position);
            }
            before[module][position] = count;
        }
    }

    /**
     * A budget for each module.
     *
     * @param model with routers, around which modules may be dropped
     * @param shares of each module's rows to skip, 0..1; 2L
     * @param rate of {@link Way#CAUSAL}: logits a row, above 0
     */
    public static LanguageModel of(LanguageModel model, double[] shares, Way way, double rate) {
        if (shares.length != model.config().modules()) {
            throw new IllegalArgumentException(shares.length + " shares for "
                    + model.config().modules() + " modules: give one a module, in forward order");
        }
        if (Arrays.stream(shares).anyMatch(share -> !(share >= 0 && share <= 1))) {
            throw new IllegalArgumentException(
                    "shares " + Arrays.toString(shares) + " are not allowed: expected 0..1 to skip of each module");
        }
        if (!(rate > 0) || Double.isInfinite(rate)) {
            throw new IllegalArgumentException(
                    "rate " + rate + " is not allowed: expected logits above 0; 0.1 is usual");
        }
        if (RoutedPolicy.in(model.policy()).filter(r -> !r.positions().isEven()).isPresent()) {
            throw new IllegalArgumentException(
                    "thresholds that follow position and an exact budget both say where a text"
                            + " spends: give the exact budget to routers withPositions(Positions.even())");
        }
        if (model.policy() instanceof ExactBudget) {
            throw new IllegalArgumentException("this model has an exact budget already: give one to its routers");
        }
        return model.withPolicy(new ExactBudget(model.policy(), shares, way, rate, List.of()));
    }

    /** The shares that a model's routers skip of each module on some texts, as each text's own budget. */
    public static LanguageModel like(LanguageModel model, Way way, ProgressObserver observer, int[]... sequences) {
        if (sequences.length == 0) {
            throw new IllegalArgumentException("no text to measure shares on: give texts like those to come");
        }
        double[] shares = SparsityReport.of(model, sequences, observer).trace().modules().stream()
                .mapToDouble(module -> 1 - module.executedShare())
                .toArray();
        return of(model, shares, way, RATE);
    }

    @Override
    public LayerPolicy rest() {
        return rest;
    }

    @Override
    public LayerPolicy around(LayerPolicy other) {
        return new ExactBudget(other, shares, way, rate, growing);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        if (rest.isConstant(site) || routed.forced().wholeModule(site)) {
            return rest.decide(site, residual, layerInput, rows);
        }
        NDArray u = routed.routers().config().input() == RouterConfig.Input.LAYER ? layerInput : residual; // (N, D)
        NDArray logits = routed.gate().logits(routed.routers().of(site), u); // (N, 2)
        float[] z = logits.toFloatArray();
        float[] must = routed.forced().rows(rows);
        float[] margins = new float[rows.size()];
        for (int row = 0; row < margins.length; row++) {
            boolean forced = must.length > 0 && must[row] > 0;
            margins[row] = forced ? Float.POSITIVE_INFINITY : z[2 * row + 1] - z[2 * row];
        }
        // A coupled pair shares one router, one share and one threshold, so that both modules decide alike.
        boolean coupled = routed.routers().config().coupled();
        int module = coupled ? new ModuleSite(site.layer(), ModuleKind.ATTENTION).index() : site.index();
        float[] open = way == Way.WHOLE_TEXT ? best(margins, module, rows) : following(margins, module, rows);
        return Decision.gated(residual.getManager(), open).withLogits(logits);
    }

    private float[] best(float[] margins, int module, Rows rows) {
        if (rows.parents().length > 0
                || IntStream.range(0, rows.sequences()).anyMatch(s -> rows.at()[rows.starts()[s]] > 0)) {
            throw new IllegalArgumentException(
                    "the best rows of a text are chosen where all of it is at hand, not pieces"
                            + " that continue others: use Way.CAUSAL");
        }
        float[] open = new float[margins.length];
        for (int s = 0; s < rows.sequences(); s++) {
            int from = rows.starts()[s];
            int to = rows.starts()[s + 1];
            IntStream.range(from, to)
                    .boxed()
                    .sorted(Comparator.comparingDouble(row -> -margins[row]))
                    .limit(Math.round((1 - shares[module]) * (to - from)))
                    .forEach(row -> open[row] = 1);
        }
        return open;
    }

    private float[] following(float[] margins, int module, Rows rows) {
        double first = routed.thresholds().at(module);
        float[] open = new float[margins.length];
        int[] ends = new int[rows.sequences()];
        for (int s = 0; s < rows.sequences(); s++) {
            int from = rows.starts()[s];
            int to = rows.starts()[s + 1];
            int spent = from == to ? 0 : before(module, s, rows.at()[from], rows, ends);
            for (int row = from; row < to; row++) {
                double over = spent - (1 - shares[module]) * rows.at()[row];
                open[row] = margins[row] >= first + rate * over ? 1 : 0;
                spent += (int) open[row];
                if (!growing.isEmpty()) {
                    growing.get(s).set(module, rows.at()[row] + 1, spent);
                }
            }
            ends[s] = spent;
        }
        return open;
    }

    // What a piece's beginning has spent: remembered, or computed in this pass.
    private int before(int module, int sequence, int position, Rows rows, int[] ends) {
        if (!growing.isEmpty()) {
            return growing.get(sequence).at(module, position);
        }
        int parent = rows.parents().length == 0 ? -1 : rows.parents()[sequence];
        if (parent < 0 && position > 0) {
            throw new IllegalStateException(
                    "a row at position " + position + " of a text whose beginning is not at hand:"
                            + " an exact budget follows what was spent on it; use a session");
        }
        return parent < 0 ? 0 : ends[parent];
    }

    /** As it is: routers are asked for their logits, which the copies of settled ones do not tell. */
    @Override
    public LayerPolicy settled() {
        return this;
    }

    @Override
    public boolean isCausal() {
        return way == Way.CAUSAL && rest.isCausal();
    }

    @Override
    public boolean remembers() {
        return way == Way.CAUSAL;
    }

    @Override
    public LayerPolicy growing(int sequences) {
        List<Spent> fresh = IntStream.range(0, sequences)
                .mapToObj(s -> new Spent(shares.length))
                .toList();
        return new ExactBudget(rest, shares, way, rate, fresh);
    }

    @Override
    public LayerPolicy forked(int... sources) {
        List<Spent> copies = new ArrayList<>();
        for (int source : sources) {
            copies.add(new Spent(growing.get(source)));
        }
        return new ExactBudget(rest, shares, way, rate, copies);
    }

    @Override
    public List<SavedPolicy> saved() {
        JsonObject settings = new JsonObject();
        settings.add("shares", new Gson().toJsonTree(shares));
        settings.addProperty("way", way.name());
        settings.addProperty("rate", rate);
        List<SavedPolicy> parts = new ArrayList<>();
        parts.add(SavedPolicy.of(METHOD, settings));
        parts.addAll(rest.saved());
        return parts;
    }

    @Override
    public Identity identity() {
        return Identity.of(METHOD)
                .with("shares", shares)
                .with("way", way)
                .with("rate", rate)
                .with("rest", rest.identity());
    }

    @Override
    public String describe() {
        double mean = Arrays.stream(shares).average().orElse(0);
        String chosen = way == Way.WHOLE_TEXT ? "best of each text, looking ahead" : "following what was spent";
        return String.format(Locale.ROOT, "%s · exactly %.1f %% skipped, %s", rest.describe(), 100 * mean, chosen);
    }
}
