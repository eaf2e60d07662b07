package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.skipgpt.data.world.LabelledText;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.plot.TokenHtml;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Measured;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.RoutingTrace;

/**
 * What each token cost: the share of modules it ran, beside how surprising it was and what kind of word it is.
 *
 * <p>Surprisal is {@code -ln p(token | tokens before)} under the model itself, in nats.
 *
 * <pre>{@code
 * TokenCost.of(routed, texts, ProgressObserver.silent()).save(Path.of("cost.html"));
 * }</pre>
 *
 * @param model the model's name
 * @param pieces the N tokens, readable, texts one after another
 * @param cost share of modules each token ran, N values 0..1
 * @param surprisal of each token, N; NaN for the first of a text
 * @param next surprisal of the token after it, N; NaN for the last of a text
 * @param kinds kind of each token, N; empty where unknown
 * @param provenance what it was made from and on
 */
public record TokenCost(
        String model,
        List<String> pieces,
        double[] cost,
        double[] surprisal,
        double[] next,
        List<String> kinds,
        Provenance provenance)
        implements Finding {
    private static final int BINS = 10;
    private static final int SHOWN = 400;
    private static final String ALL = "all";

    /** Copies the lists and checks the lengths. */
    public TokenCost {
        pieces = List.copyOf(pieces);
        kinds = List.copyOf(kinds);
        int n = pieces.size();
        boolean fits = cost.length == n && surprisal.length == n && next.length == n;
        if (!fits || (!kinds.isEmpty() && kinds.size() != n)) {
            throw new IllegalArgumentException(n + " tokens with " + cost.length + " costs, " + surprisal.length
                    + " surprisals and " + kinds.size() + " kinds: expected one of each per token");
        }
    }

    /** Runs a model over texts given as token ids; any policy. */
    public static TokenCost of(LanguageModel model, List<int[]> texts, ProgressObserver observer) {
        return of(model, texts, List.of(), observer);
    }

    /** Runs a model over texts whose words are labelled. */
    public static TokenCost labelled(LanguageModel model, List<LabelledText> texts, ProgressObserver observer) {
        List<int[]> ids = new ArrayList<>();
        List<String> kinds = new ArrayList<>();
        for (LabelledText text : texts) {
            ids.add(model.tokenizer().encodeWithBos(text.text()));
            kinds.addAll(TokenKinds.of(model.tokenizer(), text));
        }
        return of(model, ids, kinds, observer);
    }

    private static TokenCost of(LanguageModel model, List<int[]> texts, List<String> kinds, ProgressObserver observer) {
        long start = System.nanoTime();
        int n = texts.stream().mapToInt(ids -> ids.length).sum();
        double[] cost = new double[n];
        double[] surprisal = new double[n];
        double[] next = new double[n];
        List<String> pieces = new ArrayList<>();
        Arrays.fill(surprisal, Double.NaN);
        Arrays.fill(next, Double.NaN);
        Runs.each("token cost", texts, observer, ids -> {
            int at = pieces.size();
            int[] ran = RoutingTrace.of(model, ids).costs();
            float[] log = model.logProbabilities(ids)[0];
            for (int t = 0; t < ids.length; t++) {
                pieces.add(model.tokenizer().readable(ids[t]));
                cost[at + t] = (double) ran[t] / model.config().modules();
                if (t > 0) {
                    surprisal[at + t] = -log[t - 1];
                    next[at + t - 1] = -log[t - 1];
                }
            }
            return at;
        });
        double seconds = (System.nanoTime() - start) / 1e9;
        Provenance provenance = model.provenance("token cost", texts).withSeconds(seconds);
        return new TokenCost(model.name(), pieces, cost, surprisal, next, kinds, provenance);
    }

    /** The first tokens of the text, darker where they cost more. */
    @Override
    public Figure figure() {
        int shown = Math.min(SHOWN, pieces.size());
        return new TokenHtml(
                "Cost of each token, " + model,
                pieces.subList(0, shown),
                Arrays.copyOf(cost, shown),
                "share of modules run");
    }

    /** Rank correlation (Spearman) of cost with the token's own surprisal. */
    public double correlation() {
        return Statistics.correlation(cost, surprisal);
    }

    /** Rank correlation (Spearman) of cost with the surprisal of the token that follows. */
    public double correlationWithNext() {
        return Statistics.correlation(cost, next);
    }

    /** Mean cost of ten equally large groups, from the least to the most surprising tokens, with standard errors. */
    public Figure bySurprisal() {
        double[][] own = bins(surprisal);
        double[][] following = bins(next);
        return LinePlot.of(
                        "Cost against surprisal, " + model,
                        "tenth of the tokens, least surprising first",
                        "modules run (%)")
                .withBand("by the token's own", own[0], own[1], own[2], own[3])
                .withBand("by the next token's", following[0], following[1], following[2], following[3])
                .withMarkers();
    }

    private double[][] bins(double[] against) {
        int[] order = IntStream.range(0, cost.length)
                .filter(i -> Double.isFinite(against[i]))
                .boxed()
                .sorted((a, b) -> Double.compare(against[a], against[b]))
                .mapToInt(Integer::intValue)
                .toArray();
        int bins = Math.max(1, Math.min(BINS, order.length / 2));
        double[][] out = new double[4][bins];
        for (int b = 0; b < bins; b++) {
            int[] part = Arrays.copyOfRange(order, b * order.length / bins, (b + 1) * order.length / bins);
            Measured mean = Statistics.mean(Arrays.stream(part).mapToDouble(i -> 100 * cost[i]));
            out[0][b] = b + 1;
            out[1][b] = mean.value();
            double error = part.length < 2 ? 0 : mean.error();
            out[2][b] = mean.value() - error;
            out[3][b] = mean.value() + error;
        }
        return out;
    }

    /**
     * Mean cost of each kind of token, dearest first.
     *
     * @throws IllegalStateException if the kinds are unknown
     */
    public Figure byKind() {
        if (kinds.isEmpty()) {
            throw new IllegalStateException(
                    "the kinds of these tokens are unknown: run TokenCost.labelled on texts of the embedded world");
        }
        Map<String, int[]> groups = groups();
        groups.remove(ALL);
        List<String> names = List.copyOf(groups.keySet());
        double[] mean = new double[names.size()];
        double[] error = new double[names.size()];
        for (int i = 0; i < mean.length; i++) {
            Measured one = Statistics.mean(
                    Arrays.stream(groups.getOrDefault(names.get(i), new int[0])).mapToDouble(t -> 100 * cost[t]));
            mean[i] = one.value();
            error[i] = Double.isNaN(one.error()) ? 0 : one.error(); // no bar
        }
        return BarPlot.of("Cost by kind of token, " + model, "kind", "modules run (%)", names)
                .withBars("modules run (%)", mean, error);
    }

    private Map<String, int[]> groups() {
        Map<String, int[]> groups = new LinkedHashMap<>();
        groups.put(ALL, IntStream.range(0, cost.length).toArray());
        List<String> names = new ArrayList<>(kinds.stream().distinct().toList());
        Map<String, Double> means = new LinkedHashMap<>();
        for (String name : names) {
            int[] places = IntStream.range(0, cost.length)
                    .filter(i -> kinds.get(i).equals(name))
                    .toArray();
            groups.put(name, places);
            means.put(
                    name,
                    Arrays.stream(places).mapToDouble(i -> cost[i]).average().orElse(0));
        }
        Collections.sort(names, (a, b) -> Double.compare(means.getOrDefault(b, 0.0), means.getOrDefault(a, 0.0)));
        Map<String, int[]> sorted = new LinkedHashMap<>();
        sorted.put(ALL, groups.getOrDefault(ALL, new int[0]));
        names.forEach(name -> sorted.put(name, groups.getOrDefault(name, new int[0])));
        return sorted;
    }

    private String correlations() {
        if (Arrays.stream(cost).distinct().count() < 2) {
            return "every token cost the same, so there is no correlation with surprisal";
        }
        return String.format(
                Locale.ROOT,
                "rank correlation %s with the token's surprisal, %s with the next one's",
                shown(correlation()),
                shown(correlationWithNext()));
    }

    private static String shown(double correlation) {
        return Double.isNaN(correlation) ? "–" : String.format(Locale.ROOT, "%.3f", correlation);
    }

    /** One row for all tokens and one a kind: how many, mean cost and surprisal with standard errors. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                "token cost, " + model + ": " + correlations(),
                List.of(
                        Column.text("kind"),
                        Column.number("tokens", 0),
                        Column.number("modules run (%)", 2),
                        Column.number("surprisal (nats)", 3)));
        groups().forEach((name, places) -> table.add(
                name,
                places.length,
                Statistics.mean(Arrays.stream(places).mapToDouble(i -> 100 * cost[i])),
                Statistics.mean(
                        Arrays.stream(places).mapToDouble(i -> surprisal[i]).filter(Double::isFinite))));
        return table.build();
    }

    /** One row a token. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                "token cost, " + model,
                List.of(
                        Column.number("place", 0),
                        Column.text("token"),
                        Column.text("kind"),
                        Column.number("modules run", 6),
                        Column.number("surprisal", 6)));
        for (int i = 0; i < cost.length; i++) {
            table.add(i, pieces.get(i), kinds.isEmpty() ? "" : kinds.get(i), cost[i], surprisal[i]);
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
