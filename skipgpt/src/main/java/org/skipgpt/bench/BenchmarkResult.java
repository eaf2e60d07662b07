package org.skipgpt.bench;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.PackingCosts;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;

/**
 * Dense, masked and packed times from one run, interleaved.
 *
 * @param model what was measured
 * @param policy what it skipped, in words
 * @param kvPolicy which keys and values it kept
 * @param rows one a phase
 * @param packingCosts where packing pays on this machine
 * @param clock what was counted as time
 * @param load the machine's load average over a minute when the run began; NaN where the system does not say
 * @param complete whether every repeat ran; false after an interruption
 * @param origin settings, versions, machine
 */
public record BenchmarkResult(
        String model,
        String policy,
        KvPolicy kvPolicy,
        List<SpeedRow> rows,
        PackingCosts packingCosts,
        BenchmarkClock clock,
        double load,
        boolean complete,
        Provenance origin)
        implements Report {
    /** Spread of a median above which a time says nothing. */
    public static final double LARGEST_SPREAD = 0.05;

    /** Copies the list. */
    public BenchmarkResult {
        rows = List.copyOf(rows);
    }

    /** Whether the times are steady enough for a claim, those after an interruption never. */
    public boolean isSteady() {
        return complete && !isSpread();
    }

    private boolean isSpread() {
        return rows.stream()
                .flatMap(row -> Stream.of(row.dense(), row.masked(), row.packed()))
                .anyMatch(times -> times.spread() > LARGEST_SPREAD);
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                "%s%n%s · K/V %s%n", model, policy, kvPolicy.name().toLowerCase(Locale.ROOT)));
        out.append("phase               dense ms  masked ms  packed ms  skip a/m %  speed-up  ideal    eta  / masked");
        for (SpeedRow r : rows) {
            out.append(String.format(
                    Locale.ROOT,
                    "%n%-18s %9.2f  %9.2f  %9.2f   %4.1f/%4.1f  %7.2fx %6s  %5s    %5.2fx",
                    r.phase(),
                    1e3 * r.dense().median(),
                    1e3 * r.masked().median(),
                    1e3 * r.packed().median(),
                    100 * r.attentionSkipped(),
                    100 * r.mlpSkipped(),
                    r.speedup(),
                    known("%.2fx", r.ideal()),
                    known("%.2f", r.eta()),
                    r.overMasked()));
            out.append(String.format(
                    Locale.ROOT,
                    "%n%-18s %8.1f%%  %8.1f%%  %8.1f%%%s",
                    "  spread",
                    100 * r.dense().spread(),
                    100 * r.masked().spread(),
                    100 * r.packed().spread(),
                    r.denseCacheBytes() == 0
                            ? ""
                            : String.format(
                                    Locale.ROOT,
                                    "   keys and values %.2f MiB, dense %.2f MiB",
                                    r.packedCacheBytes() / 0x1p20,
                                    r.denseCacheBytes() / 0x1p20)));
        }
        out.append(String.format(
                Locale.ROOT,
                "%n%s, %d threads, %s, load %.1f%s%s",
                origin.cpu(),
                origin.threads(),
                clock,
                load,
                isSpread() ? " · VOID: spread above 5 %, run again on a quiet machine" : "",
                complete ? "" : " · interrupted: repeats or phases are missing"));
        return out.toString();
    }

    private static String known(String format, double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "-";
    }

    @Override
    public String toString() {
        return text();
    }
}
