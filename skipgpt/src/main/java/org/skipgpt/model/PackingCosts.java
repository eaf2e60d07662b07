package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.skipgpt.report.Report;
import org.skipgpt.torch.Torch;

/**
 * From which share of executing rows on packing a module costs more than computing all rows.
 *
 * <p>Measured once for a model on its device and thread count: a module over n rows dense, and packed at half and at
 * seven eighths of them; the line through the packed times meets the dense time at the break-even share, rounded down
 * to sixteenths so that it rarely differs between runs.
 */
public final class PackingCosts implements Report {
    private static final int[] GRID = {8, 32, 128, 512};
    /** A GPU is not filled before, and its waits weigh less the more rows there are. */
    private static final int[] GPU_GRID = {8, 32, 128, 512, 2048, 8192};

    /** Several calls in a row, as in a pass: the host prepares one while a GPU computes another, unless it has to wait. */
    private static final int GPU_CALLS = 8;

    private static final int REPEATS = 7;
    private static final int FEW_ROWS_REPEATS = 25;
    private static final double LONGEST_SECONDS = 0.15;
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
    public record Point(Module module, int rows, double denseSeconds, double halfSeconds, double breakEven) {}

    private final List<Point> points;
    private final int threads;

    private PackingCosts(List<Point> points, int threads) {
        this.points = List.copyOf(points);
        this.threads = threads;
    }

    /** Measures a model's modules; a fraction of a second. */
    static PackingCosts measure(Decoder decoder) {
        List<Point> points = new ArrayList<>();
        for (Module module : Module.values()) {
            for (int rows : decoder.weights().manager().getDevice().isGpu() ? GPU_GRID : GRID) {
                if (rows > decoder.config().maxPositions()) {
                    break;
                }
                Point point = point(decoder, new ModuleSite(0, module), rows);
                points.add(point);
                if (point.denseSeconds() > LONGEST_SECONDS) {
                    break;
                }
            }
        }
        return new PackingCosts(points, Torch.threads());
    }

    private static Point point(Decoder decoder, ModuleSite site, int n) {
        double[] best = {Double.MAX_VALUE, Double.MAX_VALUE, Double.MAX_VALUE};
        int[] counts = {n, n / 2, n - n / 8};
        // Short calls are disturbed more, and cost little to repeat.
        int repeats = n < GRID[2] ? FEW_ROWS_REPEATS : REPEATS;
        for (int repeat = 0; repeat < repeats; repeat++) {
            for (int i = 0; i < counts.length; i++) {
                best[i] = Math.min(best[i], seconds(decoder, site, n, counts[i]));
            }
        }
        double slope = (best[2] - best[1]) / (counts[2] - counts[1]);
        double even = slope <= 0 ? (best[1] < best[0] ? n : 0) : counts[1] + (best[0] - best[1]) / slope;
        double share = Math.max(0, Math.min(1, Math.floor(even / n * STEPS) / STEPS));
        return new Point(site.module(), n, best[0], best[1], share);
    }

    private static double seconds(Decoder decoder, ModuleSite site, int n, int executing) {
        try (NDManager scope = decoder.weights().manager().newSubManager()) {
            Rows rows = decoder.rows(scope, new int[n]);
            NDArray x = scope.ones(new Shape(n, decoder.config().width()));
            // Spread evenly, as routed tokens roughly are.
            int[] chosen = IntStream.range(0, executing)
                    .map(i -> (int) ((long) i * n / Math.max(1, executing)))
                    .toArray();
            NDArray gate = gate(scope, chosen, n);
            int calls = scope.getDevice().isGpu() ? GPU_CALLS : 1;
            long start = System.nanoTime();
            NDArray y = x;
            for (int i = 0; i < calls; i++) {
                if (executing == n) {
                    y = decoder.dense(site, x, rows);
                } else if (decoder.calls().routesOnDevice(site, rows, KvPolicy.KEEP)) {
                    y = decoder.calls().routed(site, x, gate, n, rows);
                } else {
                    y = decoder.calls().packed(site, x, rows, RowSet.of(scope, rows, chosen), KvPolicy.KEEP);
                }
            }
            // Waits for a GPU.
            y.get("0, 0").getFloat();
            return (System.nanoTime() - start) / 1e9 / calls;
        }
    }

    private static NDArray gate(NDManager scope, int[] executing, int n) {
        float[] open = new float[n];
        for (int row : executing) {
            open[row] = 1;
        }
        return scope.create(open);
    }

    /** Whether computing only some rows is the faster way. */
    boolean packs(Module module, int executing, int rows) {
        return executing <= most(module, rows);
    }

    /** The most executing rows for which computing only them is the faster way. */
    int most(Module module, int rows) {
        double breakEven = 1;
        for (Point point : points) {
            if (point.module() == module && (point.rows() <= rows || point.rows() == GRID[0])) {
                breakEven = point.breakEven();
            }
        }
        return (int) (breakEven * rows);
    }

    /** What was measured. */
    public List<Point> points() {
        return points;
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder("packing pays below these shares of executing rows (");
        out.append(threads).append(" threads)");
        for (Point p : points) {
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
