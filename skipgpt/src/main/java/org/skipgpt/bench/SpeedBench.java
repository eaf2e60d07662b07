package org.skipgpt.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Times;

/**
 * Runs tests on contestants in turns, so that whatever else the machine does falls on all of them.
 *
 * <pre>{@code
 * var dense = new OwnModel(model);
 * var skipping = new OwnModel(model.withPolicy(ForcedPolicy.uniform(0.4, model.config().layers(), 1)));
 * System.out.println(SpeedBench.run("tiny", tests, List.of(dense, skipping), 5, observer));
 * }</pre>
 */
public final class SpeedBench {
    private SpeedBench() {}

    /**
     * Times everything.
     *
     * @param model what runs, in words
     * @param contestants the first is what others are compared with
     * @param repeats rounds that count, at least 3; one more goes before them
     * @throws IllegalArgumentException without a test or a contestant, or with fewer rounds
     * @throws BenchException if another program cannot be timed
     */
    public static SpeedResult run(
            String model, List<SpeedTest> tests, List<Contestant> contestants, int repeats, ProgressObserver observer) {
        if (tests.isEmpty() || contestants.isEmpty() || repeats < 3) {
            throw new IllegalArgumentException(
                    "a benchmark needs a test, a contestant and 3 rounds or more, but there are " + tests.size() + ", "
                            + contestants.size() + " and " + repeats);
        }
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        long start = System.nanoTime();
        long passes = (repeats + 1L) * tests.size() * contestants.size();
        long done = 0;
        double[][][] seconds = new double[tests.size()][contestants.size()][repeats];
        for (int round = -1; round < repeats; round++) {
            for (int t = 0; t < tests.size(); t++) {
                SpeedTest test = tests.get(t);
                for (int c = 0; c < contestants.size(); c++) {
                    Interruption.check();
                    Contestant contestant = contestants.get(c);
                    double taken = contestant.seconds(test);
                    if (round >= 0) {
                        seconds[t][c][round] = taken;
                    }
                    done++;
                    double passed = (System.nanoTime() - start) / 1e9;
                    String note = contestant.name() + ", " + test.name();
                    observer.progress(new Progress("benchmark", done, passes, "runs", passed, note));
                }
            }
        }
        Provenance origin = Provenance.of("benchmark").withSeconds((System.nanoTime() - start) / 1e9);
        return new SpeedResult(model, rows(tests, contestants, seconds), repeats, load < 0 ? Double.NaN : load, origin);
    }

    private static List<SpeedResult.Row> rows(
            List<SpeedTest> tests, List<Contestant> contestants, double[][][] seconds) {
        List<SpeedResult.Row> rows = new ArrayList<>();
        for (int t = 0; t < tests.size(); t++) {
            SpeedTest test = tests.get(t);
            double first = Times.of(seconds[t][0]).median();
            for (int c = 0; c < contestants.size(); c++) {
                Contestant contestant = contestants.get(c);
                Times times = Times.of(seconds[t][c]);
                double over = first / times.median();
                double skipped = contestant.skipped(test);
                rows.add(new SpeedResult.Row(
                        test,
                        contestant.name(),
                        contestant.dtype(),
                        contestant.threads(),
                        times,
                        skipped,
                        over,
                        skipped > 0 ? over / contestant.ideal(test) : Double.NaN));
            }
        }
        return rows;
    }
}
