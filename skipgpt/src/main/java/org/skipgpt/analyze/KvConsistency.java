package org.skipgpt.analyze;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.plot.BarPlot;
import org.skipgpt.plot.Panels;
import org.skipgpt.plot.PictureSize;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Finding;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.TextTable;

/**
 * What the three K/V policies do to a cached pass: distance from the whole pass with all keys, memory, speed.
 *
 * <p>Each text's first half is read at once and the rest token by token; every distribution of the second half is
 * compared with that of the whole text at once under {@link KvPolicy#KEEP}. KEEP and DEFERRED give it up to rounding;
 * EXECUTED is another function unless the model was tuned with it.
 *
 * <p>Times are taken in turns, token by token, after some tokens that do not count; the speed is that of the median token.
 *
 * @param model the model's name
 * @param rows one a policy
 * @param provenance what it was made from and on
 */
public record KvConsistency(String model, List<Row> rows, Provenance provenance) implements Finding {
    /**
     * One policy.
     *
     * @param kv the policy
     * @param largestGap largest difference of a logit
     * @param divergence mean Kullback-Leibler divergence from the whole pass, nats
     * @param agreement share of positions with the same most likely token, 0..1
     * @param perplexity of the second halves
     * @param cacheBytes keys and values a token leaves
     * @param pendingBytes residual rows that wait at the end, per token
     * @param tokensPerSecond one over the median wall time of a token of the token-by-token part
     */
    public record Row(
            KvPolicy kv,
            double largestGap,
            double divergence,
            double agreement,
            double perplexity,
            double cacheBytes,
            double pendingBytes,
            double tokensPerSecond) {}

    private static final int WARM_TOKENS = 32;

    /** Copies the list. */
    public KvConsistency {
        rows = List.copyOf(rows);
    }

    /**
     * Measures.
     *
     * @param texts token ids of at least four tokens each
     */
    public static KvConsistency of(LanguageModel model, List<int[]> texts, ProgressObserver observer) {
        long start = System.nanoTime();
        LanguageModel whole = under(model, KvPolicy.KEEP);
        List<Sums> sums = sums();
        Runs.each("K/V consistency", texts, observer, ids -> {
            if (ids.length < 4) {
                throw new IllegalArgumentException(
                        "a text of " + ids.length + " tokens is too short to be read in two halves: give 4 or more");
            }
            float[][] reference = whole.logits(ids)[0];
            if (sums.get(0).tokens == 0) {
                inTurns(model, sums(), Arrays.copyOf(ids, Math.min(WARM_TOKENS, ids.length)), reference);
            }
            inTurns(model, sums, ids, reference);
            return ids;
        });
        Provenance provenance = model.provenance("K/V consistency, second halves token by token", texts)
                .withSeconds((System.nanoTime() - start) / 1e9);
        return new KvConsistency(model.name(), sums.stream().map(Sums::row).toList(), provenance);
    }

    private static List<Sums> sums() {
        return Arrays.stream(KvPolicy.values()).map(Sums::new).toList();
    }

    /** Reads a text under every policy at the same time, another one first at each token. */
    private static void inTurns(LanguageModel model, List<Sums> sums, int[] ids, float[][] reference) {
        int half = ids.length / 2;
        List<Session> sessions = new ArrayList<>();
        try {
            List<float[]> next = new ArrayList<>();
            for (Sums sum : sums) {
                Session session = under(model, sum.kv).session(1);
                sessions.add(session);
                next.add(session.append(new int[][] {Arrays.copyOf(ids, half)})[0]);
            }
            for (int t = half; t < ids.length; t++) {
                for (int turn = 0; turn < sums.size(); turn++) {
                    Interruption.check();
                    int p = (t + turn) % sums.size();
                    sums.get(p).compare(reference[t - 1], next.get(p), ids[t]);
                    next.set(p, sums.get(p).append(sessions.get(p), ids[t]));
                }
            }
            for (int p = 0; p < sums.size(); p++) {
                sums.get(p).memory(sessions.get(p), ids.length);
            }
        } finally {
            sessions.forEach(Session::close);
        }
    }

    private static LanguageModel under(LanguageModel model, KvPolicy kv) {
        return model.withPolicy(new UnderKvPolicy(model.policy(), kv));
    }

    private static final class Sums {
        private final KvPolicy kv;
        private double gap;
        private double divergence;
        private double nats;
        private long same;
        private long compared;
        private long tokens;
        private long bytes;
        private long pending;
        private final List<Long> nanos = new ArrayList<>();

        Sums(KvPolicy kv) {
            this.kv = kv;
        }

        /** Logits after one more token. */
        float[] append(Session session, int id) {
            long begun = System.nanoTime();
            float[] next = session.append(new int[][] {{id}})[0];
            nanos.add(System.nanoTime() - begun);
            return next;
        }

        void memory(Session session, int read) {
            tokens += read;
            bytes += session.usedCacheBytes();
            pending += session.pendingBytes();
        }

        void compare(float[] whole, float[] cached, int target) {
            double[] p = logSoftmax(whole);
            double[] q = logSoftmax(cached);
            int bestWhole = 0;
            int bestCached = 0;
            for (int v = 0; v < p.length; v++) {
                gap = Math.max(gap, Math.abs(whole[v] - cached[v]));
                divergence += Math.exp(p[v]) * (p[v] - q[v]);
                bestWhole = whole[v] > whole[bestWhole] ? v : bestWhole;
                bestCached = cached[v] > cached[bestCached] ? v : bestCached;
            }
            same += bestWhole == bestCached ? 1 : 0;
            nats -= q[target];
            compared++;
        }

        private static double[] logSoftmax(float[] logits) {
            double[] out = new double[logits.length];
            double max = Double.NEGATIVE_INFINITY;
            for (float z : logits) {
                max = Math.max(max, z);
            }
            double sum = 0;
            for (float z : logits) {
                sum += Math.exp(z - max);
            }
            for (int v = 0; v < out.length; v++) {
                out[v] = logits[v] - max - Math.log(sum);
            }
            return out;
        }

        Row row() {
            return new Row(
                    kv,
                    gap,
                    divergence / compared,
                    (double) same / compared,
                    Math.exp(nats / compared),
                    (double) bytes / tokens,
                    (double) pending / tokens,
                    1e9 / Statistics.median(nanos.stream().mapToDouble(n -> n).toArray()));
        }
    }

    /** Divergence, memory and speed beside each other. */
    @Override
    public Figure figure() {
        List<String> names = rows.stream()
                .map(row -> row.kv().name().toLowerCase(Locale.ROOT))
                .toList();
        return Panels.of(
                "K/V policies, " + model,
                3,
                List.of(
                        bars("Divergence from the whole pass", "KL divergence (millinats)", names)
                                .withBars(
                                        "KL",
                                        rows.stream()
                                                .mapToDouble(r -> 1000 * r.divergence())
                                                .toArray()),
                        bars("Memory a token leaves", "bytes per token", names)
                                .withBars(
                                        "keys and values",
                                        rows.stream()
                                                .mapToDouble(Row::cacheBytes)
                                                .toArray())
                                .withBars(
                                        "waiting rows",
                                        rows.stream()
                                                .mapToDouble(Row::pendingBytes)
                                                .toArray()),
                        bars("Token by token", "tokens per second", names)
                                .withBars(
                                        "speed",
                                        rows.stream()
                                                .mapToDouble(Row::tokensPerSecond)
                                                .toArray())));
    }

    private static BarPlot bars(String title, String unit, List<String> names) {
        return BarPlot.of(title, "K/V policy", unit, names).withSize(new PictureSize(470, 300, 1));
    }

    /** One row a policy. */
    @Override
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                "K/V policies, " + model + ", " + provenance.data(),
                List.of(
                        Column.text("K/V"),
                        Column.number("largest gap", 6),
                        Column.number("KL (nats)", 6),
                        Column.number("same top (%)", 2),
                        Column.number("perplexity", 3),
                        Column.number("cache B/token", 0),
                        Column.number("waiting B/token", 0),
                        Column.number("tokens/s", 0)));
        for (Row r : rows) {
            table.add(
                    r.kv().name(),
                    r.largestGap(),
                    r.divergence(),
                    100 * r.agreement(),
                    r.perplexity(),
                    r.cacheBytes(),
                    r.pendingBytes(),
                    r.tokensPerSecond());
        }
        return table.build();
    }

    /** The same table, all digits kept. */
    @Override
    public String toString() {
        return text();
    }
}
