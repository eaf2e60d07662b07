package org.skipgpt.eval;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Whether two models differ on a task beyond chance: McNemar's exact test on the questions both were asked.
 *
 * @param onlyFirst questions only the first model got right
 * @param onlySecond questions only the second got right
 * @param p two-sided probability of so uneven a split under no difference, 0..1
 */
public record McNemar(int onlyFirst, int onlySecond, double p) {
    /**
     * Compares two results of one task.
     *
     * @throws IllegalArgumentException if they are of different tasks or shots, or share no question
     */
    public static McNemar of(TaskResult first, TaskResult second) {
        int onlyFirst = 0;
        int onlySecond = 0;
        for (int difference : differences(first, second)) {
            onlyFirst += difference > 0 ? 1 : 0;
            onlySecond += difference < 0 ? 1 : 0;
        }
        return new McNemar(onlyFirst, onlySecond, twoSided(onlyFirst, onlySecond));
    }

    /** For each question both were asked: 1 where only the first is right, -1 where only the second is, else 0. */
    static int[] differences(TaskResult first, TaskResult second) {
        if (!first.task().equals(second.task()) || first.shots() != second.shots()) {
            throw new IllegalArgumentException(
                    "results of " + first.task().name() + ", " + first.shots() + "-shot, and "
                            + second.task().name() + ", " + second.shots()
                            + "-shot, do not pair; give two results of one task and shots");
        }
        Map<Integer, Integer> places = new HashMap<>();
        for (int i = 0; i < second.n(); i++) {
            places.put(second.items().get(i).place(), i);
        }
        int[] differences = new int[first.n()];
        int shared = 0;
        for (int i = 0; i < first.n(); i++) {
            Integer other = places.get(first.items().get(i).place());
            if (other != null) {
                differences[shared++] = (first.isRight(i) ? 1 : 0) - (second.isRight(other) ? 1 : 0);
            }
        }
        if (shared == 0) {
            throw new IllegalArgumentException(
                    "two results of " + first.task().name() + " share no question; score the same questions");
        }
        return Arrays.copyOf(differences, shared);
    }

    /** 2 P(X <= min(b, c)) for X binomial(b + c, 1/2), at most 1. */
    static double twoSided(int b, int c) {
        int n = b + c;
        double log = -n * Math.log(2); // log of C(n, 0) / 2^n
        double sum = 0;
        for (int k = 0; k <= Math.min(b, c); k++) {
            sum += Math.exp(log);
            log += Math.log(n - k) - Math.log(k + 1.0);
        }
        return Math.min(1, 2 * sum);
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "only first right %d, only second right %d, p = %.4g", onlyFirst, onlySecond, p);
    }
}
