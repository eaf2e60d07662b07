package org.skipgpt.plot;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * One series of a line or scatter plot; a y that is NaN is a gap.
 *
 * @param name as the legend shows it
 * @param x N places, finite
 * @param y N values
 * @param low N lower ends of a band, or none
 * @param high N upper ends of a band, or none
 */
public record Line(String name, double[] x, double[] y, double[] low, double[] high) {
    /** Copies the arrays and checks their lengths. */
    public Line {
        boolean banded = low.length == y.length && high.length == y.length;
        if (x.length == 0 || x.length != y.length || !(banded || (low.length == 0 && high.length == 0))) {
            throw new IllegalArgumentException("series \"" + name + "\" has " + x.length + " x, " + y.length + " y, "
                    + low.length + " low and " + high.length
                    + " high values: expected equally many of each, at least one, or no band");
        }
        if (!Arrays.stream(x).allMatch(Double::isFinite)) {
            throw new IllegalArgumentException("series \"" + name + "\" has an x that is not finite; leave it out");
        }
        x = x.clone();
        y = y.clone();
        low = low.clone();
        high = high.clone();
    }

    boolean hasBand() {
        return low.length > 0;
    }

    boolean isEmpty() {
        return Arrays.stream(y).noneMatch(Double::isFinite);
    }

    /** Mean over a window of points around each point, gaps left out; the ends have shorter windows. */
    double[] smoothed(int window) {
        double[] out = new double[y.length];
        for (int i = 0; i < y.length; i++) {
            int from = Math.max(0, i - window / 2);
            int to = Math.min(y.length, i + window / 2 + 1);
            out[i] = Double.isFinite(y[i])
                    ? Arrays.stream(y, from, to)
                            .filter(Double::isFinite)
                            .average()
                            .orElse(Double.NaN)
                    : Double.NaN;
        }
        return out;
    }

    /** At most so many points: the lowest and the highest of each stretch, in order, which draws the same picture. */
    Line thinned(int most) {
        if (y.length <= most) {
            return this;
        }
        int stretches = most / 2;
        int[] kept = IntStream.range(0, stretches)
                .flatMap(i -> {
                    int from = (int) ((long) i * y.length / stretches);
                    int to = (int) ((long) (i + 1) * y.length / stretches);
                    int low = from;
                    int high = from;
                    for (int at = from; at < to; at++) {
                        low = y[at] < y[low] ? at : low;
                        high = y[at] > y[high] ? at : high;
                    }
                    return IntStream.of(Math.min(low, high), Math.max(low, high));
                })
                .distinct()
                .toArray();
        return new Line(
                name,
                Arrays.stream(kept).mapToDouble(i -> x[i]).toArray(),
                Arrays.stream(kept).mapToDouble(i -> y[i]).toArray(),
                new double[0],
                new double[0]);
    }

    void checkLogarithm(boolean onX, boolean onY) {
        int bad = IntStream.range(0, x.length)
                .filter(i -> (onX && x[i] <= 0) || (onY && (y[i] <= 0 || (hasBand() && low[i] <= 0))))
                .findFirst()
                .orElse(-1);
        if (bad >= 0) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "series \"%s\" has the point (%s, %s), which a logarithmic axis cannot show: leave it out or use a"
                            + " linear axis",
                    name,
                    x[bad],
                    y[bad]));
        }
    }
}
