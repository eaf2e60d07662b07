package org.skipgpt.bench;

import java.util.List;
import java.util.Locale;
import org.skipgpt.report.Column;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;
import org.skipgpt.report.Times;

/**
 * Times of several programs from one run, in turns.
 *
 * @param model what was run
 * @param rows one a test and contestant
 * @param repeats rounds that were timed
 * @param load the machine's load average over a minute when the run began; NaN where the system does not say
 * @param origin versions and machine
 */
public record SpeedResult(String model, List<Row> rows, int repeats, double load, Provenance origin) implements Report {
    /** Spread of a median above which a time says little. */
    private static final double LARGEST_SPREAD = 0.05;

    /**
     * One test of one contestant.
     *
     * @param times of all tokens of the test
     * @param skipped share of the block parameters left out, 0..1
     * @param overFirst the first contestant's median over this one's
     * @param eta that, as a share of what leaving so much out could give at best; NaN where nothing is left out
     */
    public record Row(
            SpeedTest test,
            String name,
            String dtype,
            int threads,
            Times times,
            double skipped,
            double overFirst,
            double eta) {
        /** Tokens a second, of all texts together. */
        public double rate() {
            return test.tokens() * (double) test.batch() / times.median();
        }
    }

    /** Copies the list. */
    public SpeedResult {
        rows = List.copyOf(rows);
    }

    /** llama-bench's columns, and what skipping adds to them. */
    public TextTable table() {
        TextTable.Builder table = TextTable.builder(
                model,
                List.of(
                        Column.text("test"),
                        Column.text("program"),
                        Column.text("dtype"),
                        Column.number("threads", 0),
                        Column.number("skipped, %", 1),
                        Column.number("tokens/s", 2).higherIsBetter(),
                        Column.number("spread, %", 1),
                        Column.number("over the first", 2),
                        Column.number("eta", 2)));
        for (Row r : rows) {
            table.add(
                    r.test().name(),
                    r.name(),
                    r.dtype(),
                    r.threads(),
                    100 * r.skipped(),
                    r.rate(),
                    100 * r.times().spread(),
                    r.overFirst(),
                    Double.isNaN(r.eta()) ? null : r.eta());
        }
        return table.build();
    }

    /** How it was measured, in a sentence or two. */
    public String conditions() {
        boolean wide = rows.stream().anyMatch(r -> r.times().spread() > LARGEST_SPREAD);
        return String.format(
                Locale.ROOT,
                "medians of %d rounds in turns behind an untimed one, spread: half the distance of the quartiles; %s, load %s"
                        + " at the start%s",
                repeats,
                origin.cpu(),
                Double.isNaN(load) ? "unknown" : String.format(Locale.ROOT, "%.1f", load),
                wide ? ". Some spreads are above 5 %: quieten the machine before a ratio counts" : "");
    }

    @Override
    public String text() {
        return table().text() + "\n" + conditions();
    }

    /** The table as markdown, with how it was measured. */
    public String markdown() {
        return table().markdown() + "\n\n" + conditions() + "\n";
    }

    @Override
    public String toString() {
        return text();
    }
}
