package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.skipgpt.Damage;
import org.skipgpt.FuzzFolders;
import org.skipgpt.FuzzTarget;
import org.skipgpt.FuzzTargets;

/**
 * Damages files of every kind that is read from outside and sees that each is read or refused with an error of ours that
 * names it: never a raw exception, an error of the JVM or its end; and that one with a sum is never read as another.
 *
 * <p>The tests take some of each; by hand, {@code main} goes round all kinds as long as its argument says and prints a table.
 */
public final class FuzzReaders {
    private static final int ROUND = 20;
    private static final int WORDS_SHOWN = 12;

    private FuzzReaders() {}

    /** What came of one kind so far. */
    private static final class Tally {
        private final FuzzTarget target;
        private final Path folder;
        private final SplittableRandom random;
        private final Map<String, Integer> faults = new LinkedHashMap<>();
        private long mutations;
        private long slowest;
        private long nanos;

        Tally(FuzzTarget target, Path folder, long seed) {
            this.target = target;
            this.folder = folder;
            this.random = new SplittableRandom(seed);
        }

        void round(int count) throws IOException {
            for (int i = 0; i < count; i++) {
                byte[] damaged = Damage.of(target.good(), random);
                long start = System.nanoTime();
                Optional<String> fault = target.fault(damaged, folder);
                long took = System.nanoTime() - start;
                slowest = Math.max(slowest, took);
                nanos += took;
                mutations++;
                fault.ifPresent(f -> faults.merge(f.replaceAll("[0-9]+", "N"), 1, Integer::sum));
            }
        }

        void print() {
            int sum = faults.values().stream().mapToInt(Integer::intValue).sum();
            System.out.printf(
                    "%-22s %8d mutations, %6d faults, mean %.2f ms, slowest %d ms%n",
                    target.kind(), mutations, sum, nanos / 1e6 / Math.max(1, mutations), slowest / 1_000_000);
            faults.entrySet().stream()
                    .limit(WORDS_SHOWN)
                    .forEach(f -> System.out.println("   " + f.getValue() + " x " + f.getKey()));
        }
    }

    /** Takes seconds, a seed, and beginnings of the kinds' names if some alone are wanted; prints a table every minute. */
    public static void main(String[] arguments) throws IOException {
        long end = System.nanoTime() + 1_000_000_000L * Long.parseLong(arguments[0]);
        long seed = Long.parseLong(arguments[1]);
        List<String> wanted = List.of(arguments).subList(2, arguments.length);
        Path folder = Files.createTempDirectory("fuzz");
        List<Tally> all = new ArrayList<>();
        try (FuzzFolders folders = new FuzzFolders()) {
            List<FuzzTarget> targets = new ArrayList<>(FuzzTargets.all());
            targets.addAll(folders.targets(Files.createTempDirectory("fuzz-saved")));
            for (FuzzTarget target : targets) {
                if (wanted.isEmpty() || wanted.stream().anyMatch(target.kind()::startsWith)) {
                    Path own = folder.resolve(target.kind().replaceAll("[ ,]+", "-"));
                    target.prepare(own);
                    target.read(own);
                    all.add(new Tally(target, own, seed));
                }
            }
            for (long printed = System.nanoTime(); System.nanoTime() < end; ) {
                // The same time for each: a slow reader would leave the others waiting.
                for (Tally one : all) {
                    long until = System.nanoTime() + 500_000_000L;
                    while (System.nanoTime() < until) {
                        one.round(ROUND);
                    }
                }
                if (System.nanoTime() - printed > 60_000_000_000L) {
                    printed = System.nanoTime();
                    print(all);
                }
            }
        }
        print(all);
    }

    private static void print(List<Tally> all) {
        all.forEach(Tally::print);
        System.out.println(all.stream().mapToLong(one -> one.mutations).sum() + " mutations of " + all.size()
                + " kinds, " + all.stream().filter(one -> !one.faults.isEmpty()).count() + " kinds with faults");
    }
}
