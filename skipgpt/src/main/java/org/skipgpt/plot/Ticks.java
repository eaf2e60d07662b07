package org.skipgpt.plot;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;

/** Round steps of axes and colour bars: 1, 2 or 5 times a power of ten. */
final class Ticks {
    private static final double SLACK = 1e-9;
    private static final Pattern COUNTED = Pattern.compile("(\\D*)(\\d{1,9})");

    private Ticks() {}

    /** The smallest round step that is not below {@code least}, which is above 0. */
    static double step(double least) {
        double power = Math.pow(10, Math.floor(Math.log10(least)));
        for (double lead : new double[] {1, 2, 5}) {
            if (least <= lead * power * (1 + SLACK)) {
                return lead * power;
            }
        }
        return 10 * power;
    }

    /** Multiples of a round step from low to high, at the most so many and one at the least where they fit. */
    static double[] between(double low, double high, int most) {
        double step = step((high - low) / most);
        long first = (long) Math.ceil(low / step - SLACK);
        long last = (long) Math.floor(high / step + SLACK);
        return LongStream.rangeClosed(first, last).mapToDouble(i -> i * step).toArray();
    }

    /**
     * The number a row of labels counts up from by one, e.g. 3 of "layer 3", "layer 4"; -1 where they do not count.
     */
    static int countsFrom(List<String> labels) {
        Matcher first = COUNTED.matcher(labels.get(0));
        if (!first.matches()) {
            return -1;
        }
        int from = Integer.parseInt(first.group(2));
        for (int i = 0; i < labels.size(); i++) {
            if (!labels.get(i).equals(first.group(1) + (from + i))) {
                return -1;
            }
        }
        return from;
    }
}
