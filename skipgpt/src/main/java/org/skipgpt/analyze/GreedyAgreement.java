package org.skipgpt.analyze;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;

/**
 * How long a skipping model writes what the dense model writes, both greedily.
 *
 * @param model the skipping model's name
 * @param dense the dense model's name
 * @param lengths tokens the dense model wrote after each prompt
 * @param agreed first tokens that are the same, for each prompt
 * @param forced share of the dense model's tokens that the other would choose too, given the dense text before, for each
 *     prompt
 * @param texts what the skipping model wrote
 * @param provenance what it was made from and on
 */
public record GreedyAgreement(
        String model,
        String dense,
        int[] lengths,
        int[] agreed,
        double[] forced,
        List<String> texts,
        Provenance provenance)
        implements Finding {
    /** Copies the list. */
    public GreedyAgreement {
        texts = List.copyOf(texts);
    }

    private record One(int length, int agreed, double forced, String text) {}

    /**
     * Compares.
     *
     * @param prompts token ids
     * @param tokens most tokens written after each
     */
    public static GreedyAgreement of(
            LanguageModel model, LanguageModel dense, List<int[]> prompts, int tokens, ProgressObserver observer) {
        long start = System.nanoTime();
        GenerationOptions options = GenerationOptions.defaults().withMaxTokens(tokens);
        List<One> all = Runs.each("greedy agreement", prompts, observer, prompt -> one(model, dense, prompt, options));
        Provenance provenance = model.provenance("greedy agreement over " + tokens + " tokens", prompts)
                .withSeconds((System.nanoTime() - start) / 1e9);
        return new GreedyAgreement(
                model.name() + " · " + model.policy().describe(),
                dense.name(),
                all.stream().mapToInt(One::length).toArray(),
                all.stream().mapToInt(One::agreed).toArray(),
                all.stream().mapToDouble(One::forced).toArray(),
                all.stream().map(One::text).toList(),
                provenance);
    }

    private static One one(LanguageModel model, LanguageModel dense, int[] prompt, GenerationOptions options) {
        int[] theirs = dense.generateIds(options, prompt).continuations().get(0).tokens();
        var written = model.generateIds(options, prompt).continuations().get(0);
        int different = Arrays.mismatch(theirs, written.tokens());
        int[] all = Arrays.copyOf(prompt, prompt.length + theirs.length);
        System.arraycopy(theirs, 0, all, prompt.length, theirs.length);
        float[][] logits = model.logits(all)[0];
        int same = 0;
        for (int i = 0; i < theirs.length; i++) {
            same += best(logits[prompt.length + i - 1]) == theirs[i] ? 1 : 0;
        }
        double forced = theirs.length == 0 ? Double.NaN : (double) same / theirs.length;
        return new One(theirs.length, different < 0 ? theirs.length : different, forced, written.text());
    }

    private static int best(float[] logits) {
        int best = 0;
        for (int v = 1; v < logits.length; v++) {
            best = logits[v] > logits[best] ? v : best;
        }
        return best;
    }

    /** Share of the prompts whose text is still the same after each token; a text that ended equal stays equal. */
    public double[] stillSame() {
        int longest = Arrays.stream(lengths).max().orElse(0);
        return IntStream.rangeClosed(0, longest)
                .mapToDouble(t -> IntStream.range(0, agreed.length)
                        .mapToDouble(i -> agreed[i] >= Math.min(t, lengths[i]) ? 1 : 0)
                        .average()
                        .orElse(Double.NaN))
                .toArray();
    }

    /** Share of prompts still the same against tokens written. */
    @Override
    public Figure figure() {
        double[] share = Arrays.stream(stillSame()).map(v -> 100 * v).toArray();
        double[] written = IntStream.range(0, share.length).asDoubleStream().toArray();
        return LinePlot.of(
                        "Same greedy text as " + dense,
                        "tokens written",
                        "prompts still the same (%), n " + agreed.length)
                .withLine(model, written, share);
    }

    /**
     * Means over prompts: tokens the dense model wrote, how many of its first the other wrote too, texts that are the same
     * to their end, and the other's same choices after the dense text.
     */
    @Override
    public TextTable table() {
        return TextTable.of(
                        String.format(Locale.ROOT, "greedy text against %s, %d prompts", dense, agreed.length),
                        Column.text("model"),
                        Column.number("tokens", 1),
                        Column.number("first same", 1),
                        Column.number("all same (%)", 1),
                        Column.number("same choice (%)", 1))
                .withRow(
                        model,
                        Statistics.mean(Arrays.stream(lengths).asDoubleStream()),
                        Statistics.mean(Arrays.stream(agreed).asDoubleStream()),
                        100.0
                                * IntStream.range(0, agreed.length)
                                        .filter(i -> agreed[i] == lengths[i])
                                        .count()
                                / agreed.length,
                        Statistics.mean(
                                Arrays.stream(forced).filter(Double::isFinite).map(v -> 100 * v)));
    }

    /** One row a prompt. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                "greedy text against " + dense,
                List.of(
                        Column.number("prompt", 0),
                        Column.number("tokens", 0),
                        Column.number("first the same", 0),
                        Column.number("same choice", 6),
                        Column.text("text")));
        for (int i = 0; i < agreed.length; i++) {
            table.add(i, lengths[i], agreed[i], forced[i], texts.get(i));
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
