package org.skipgpt.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Report;
import org.skipgpt.shape.ModuleKind;

/**
 * From which share of executing rows on packing a module costs more than computing all rows.
 *
 * <p>Measured for a model on its device and thread count, each size when a pass first needs it: a module over n rows
 * dense, and packed at half and at seven eighths of them, in turns, the best time of each; the line through the packed
 * times meets the dense time at the break-even share, rounded down to sixteenths so that it rarely differs between runs.
 *
 * <p>A size of a module takes about 0.3 s at most, up to 1 s where half of many rows seem to take nearly as long as all.
 * Where too few runs over many rows fit, fewer rows are measured in their place and share their break-even, but not fewer
 * than 64, whose packing would say little about that of many: for these, wide layers on a slow machine take as long as a
 * dozen runs.
 */
public final class PackingCosts implements Report {
    private static final int[] SIZES = {8, 32, 128, 512};
    /** A GPU is not filled before, and its waits weigh less the more rows there are. */
    private static final int[] GPU_SIZES = {8, 32, 128, 512, 2048, 8192};

    /** What all rounds of a size may take. */
    static final double SECONDS = 0.2;

    /** Sizes up to this one are measured whatever they take. */
    static final int SURE_ROWS = 64;

    /** So many runs of each kind at least, lest a single bad moment decides. */
    static final int FEWEST_ROUNDS = 3;

    private static final int MOST_ROUNDS = 7;
    /** Short runs are disturbed more, and cost little to repeat. */
    private static final int FEW_ROWS_ROUNDS = 25;

    /** What a round takes, in dense runs: all rows, half and seven eighths of them. */
    private static final double ROUND = 1 + 0.5 + 0.875;

    /** Half of many rows that take more of the dense time were rather disturbed, and are measured longer. */
    private static final double DOUBTFUL = 0.85;

    private static final int PATIENCE = 4;

    private static final double STEPS = 16;

    /**
     * One measured size.
     *
     * @param module attention or MLP
     * @param rows rows in all
     * @param denseSeconds best time of all rows
     * @param halfSeconds best time of half of them, packed
     * @param breakEven share of executing rows from which on dense is faster, 0..1
     */
    public record Point(ModuleKind module, int rows, double denseSeconds, double halfSeconds, double breakEven) {}

    /** Runs single modules. */
    interface Runs {
        /** Seconds that a run over some of the rows takes; over all of them dense, over fewer packed. */
        double seconds(ModuleKind module, int rows, int executing);

        /** Calls in a row that make a run. */
        default int calls() {
            return 1;
        }
    }

    /** What passes of one size go by; the point may be of fewer rows. */
    private record Known(int size, Point point) {}

    private final List<Integer> sizes;
    private final int threads;
    private final List<Known> known;

    private PackingCosts(List<Integer> sizes, int threads, List<Known> known) {
        this.sizes = List.copyOf(sizes);
        this.threads = threads;
        this.known = List.copyOf(known);
    }

    /**
     * Nothing measured yet.
     *
     * @param longest rows of the longest sequence there can be
     * @param threads of the engine, to be told in the table
     */
    public static PackingCosts unmeasured(boolean gpu, int longest, int threads) {
        List<Integer> sizes = Arrays.stream(gpu ? GPU_SIZES : SIZES)
                .filter(size -> size <= Math.max(longest, SIZES[0]))
                .boxed()
                .toList();
        return new PackingCosts(sizes, threads, List.of());
    }

    /** The sizes that are told apart, ascending. */
    List<Integer> sizes() {
        return sizes;
    }

    /** Whether it is known what pays in a pass of so many rows. */
    boolean knows(ModuleKind module, int rows) {
        return find(module, size(rows)).isPresent();
    }

    /**
     * The same with passes of so many rows measured, unless they were.
     *
     * @throws java.util.concurrent.CancellationException if the thread is interrupted; it stays interrupted
     */
    PackingCosts with(ModuleKind module, int rows, Runs runs) {
        if (knows(module, rows)) {
            return this;
        }
        int size = size(rows);
        Point measured = measure(module, size, runs);
        // Where fewer rows stand in that were measured for themselves, one of the two times is told, the earlier.
        Point point = find(module, measured.rows())
                .filter(p -> p.rows() == measured.rows())
                .orElse(measured);
        List<Known> more = new ArrayList<>(known);
        for (int each : sizes) {
            // What takes too long for this size does so for larger ones.
            boolean answers = each == size || (point.rows() < size && point.rows() <= each);
            if (answers && find(module, each).isEmpty()) {
                more.add(new Known(each, point));
            }
        }
        return new PackingCosts(sizes, threads, more);
    }

    private Optional<Point> find(ModuleKind module, int size) {
        return known.stream()
                .filter(k -> k.size() == size && k.point().module() == module)
                .map(Known::point)
                .findFirst();
    }

    private int size(int rows) {
        return sizes.stream().filter(size -> size <= rows).reduce(sizes.get(0), Math::max);
    }

    private static Point measure(ModuleKind module, int size, Runs runs) {
        int n = Math.min(size, SURE_ROWS);
        double dense = better(module, n, runs);
        while (n < size && FEWEST_ROUNDS * ROUND * 2 * dense <= SECONDS) {
            n *= 2;
            dense = better(module, n, runs);
        }
        int[] counts = {n, n / 2, n - n / 8};
        double[] best = {Double.MAX_VALUE, Double.MAX_VALUE, Double.MAX_VALUE};
        boolean many = n >= SIZES[2];
        int most = many ? MOST_ROUNDS : FEW_ROWS_ROUNDS;
        double spent = 0;
        int patience = 1;
        for (int round = 0; round < patience * most && (round < FEWEST_ROUNDS || spent < patience * SECONDS); round++) {
            for (int i = 0; i < counts.length; i++) {
                double seconds = seconds(module, n, counts[i], runs);
                best[i] = Math.min(best[i], seconds);
                spent += seconds;
            }
            patience = many && best[1] > DOUBTFUL * best[0] ? PATIENCE : 1;
        }
        return new Point(module, n, best[0] / runs.calls(), best[1] / runs.calls(), breakEven(counts, best));
    }

    private static double breakEven(int[] counts, double[] seconds) {
        int n = counts[0];
        // Fewer rows take no longer; where they seem to, they were disturbed.
        double half = Math.min(seconds[1], seconds[2]);
        double slope = (seconds[2] - half) / (counts[2] - counts[1]);
        double even = slope <= 0 ? (half < seconds[0] ? n : 0) : counts[1] + (seconds[0] - half) / slope;
        return Math.max(0, Math.min(1, Math.floor(even / n * STEPS) / STEPS));
    }

    // The first run of a size prepares more than the others.
    private static double better(ModuleKind module, int n, Runs runs) {
        return Math.min(seconds(module, n, n, runs), seconds(module, n, n, runs));
    }

    private static double seconds(ModuleKind module, int rows, int executing, Runs runs) {
        Interruption.check();
        return runs.seconds(module, rows, executing);
    }

    /** Whether computing only some rows is the faster way. */
    boolean packs(ModuleKind module, int executing, int rows) {
        return executing <= most(module, rows);
    }

    /** The most executing rows for which computing only them is the faster way; all where that was not measured. */
    int most(ModuleKind module, int rows) {
        double breakEven = find(module, size(rows)).map(Point::breakEven).orElse(1.0);
        return (int) (breakEven * rows);
    }

    /** What was measured: attention first, small sizes first. */
    public List<Point> points() {
        return Arrays.stream(ModuleKind.values())
                .flatMap(module -> sizes.stream().flatMap(size -> find(module, size).stream()))
                .distinct()
                .toList();
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder("packing pays below these shares of executing rows (");
        out.append(threads).append(" threads)");
        for (Point p : points()) {
            out.append(String.format(
                    Locale.ROOT,
                    "%n%-9s %4d rows: %5.1f %%   dense %8.3f ms, half packed %8.3f ms",
                    p.module(),
                    p.rows(),
                    100 * p.breakEven(),
                    1e3 * p.denseSeconds(),
                    1e3 * p.halfSeconds()));
        }
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
