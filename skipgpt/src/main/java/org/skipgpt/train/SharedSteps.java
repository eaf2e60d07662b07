package org.skipgpt.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Claim;
import org.skipgpt.io.Claims;
import org.skipgpt.io.FolderLock;
import org.skipgpt.report.Interruption;

/**
 * Steps of one run that several processes make in its folder: each computes micro-batches that nobody else is at, writes what
 * they gave, and reads those of all the others.
 *
 * <p>A micro-batch is a file and a claim. So who died costs the one it was at, and all sum the same files in the same order.
 * Files stay until a later state of the run is saved; who is still behind then goes on from that state.
 */
final class SharedSteps implements AutoCloseable {
    private static final String WORKERS = "workers";
    private static final String CLAIMS = "claims";
    private static final String PRESENT = "worker-";
    private static final String STATE = "state";
    private static final String SAVED = "saved.txt";
    private static final long SHORTEST_MILLIS = 5;
    private static final long LONGEST_MILLIS = 250;

    private final Path folder;
    private final int parts;
    private final Claims claims;
    private final Claim present;

    private SharedSteps(Path folder, int parts, Claims claims, Claim present) {
        this.folder = folder;
        this.parts = parts;
        this.claims = claims;
        this.present = present;
    }

    /**
     * Joins those who make a run.
     *
     * @throws IllegalArgumentException if a step has nothing to divide
     * @throws CheckpointException if the folder cannot be written to, or a process has the run to itself
     */
    static SharedSteps join(LoopConfig config) {
        if (config.accumulation() < 2) {
            throw new IllegalArgumentException("accumulation " + config.accumulation() + " leaves workers nothing to"
                    + " divide: use withAccumulation(n) with as many micro-batches a step as there will be workers, or"
                    + " a multiple");
        }
        Path run = config.folder().orElseThrow().path();
        Path folder = run.resolve(WORKERS);
        Claims claims = Claims.of(folder.resolve(CLAIMS));
        try (Claim state = claims.await(STATE)) {
            if (Files.exists(run.resolve(FolderLock.NAME))) {
                FolderLock.of(run, "training").close();
            }
            Claim present = claims.take(PRESENT + UUID.randomUUID()).orElseThrow();
            return new SharedSteps(folder, config.accumulation(), claims, present);
        } catch (RuntimeException e) {
            claims.close();
            throw e;
        }
    }

    /** Refuses a folder to a process that wants it for itself, while workers are there. */
    static void refuseWhereWorkersAre(Path run) {
        Path claimed = run.resolve(WORKERS).resolve(CLAIMS);
        if (!Files.isDirectory(claimed)) {
            return;
        }
        try (Claims claims = Claims.of(claimed)) {
            int count = claims.count(PRESENT);
            if (count > 0) {
                throw new CheckpointException(count + " workers make the run in " + run
                        + ": join them with withWorkers, stop them, or name another folder. If they died on other"
                        + " machines, remove " + claimed);
            }
        }
    }

    /** How many processes work on the run, this one included; one that died elsewhere counts for a minute. */
    int workers() {
        return claims.count(PRESENT);
    }

    /** Does something about the run's saved state while no other process does. */
    <T> T withState(Supplier<T> work) {
        try (Claim held = claims.await(STATE)) {
            return work.get();
        }
    }

    /** Steps of the state that was saved last, below which nothing is kept here. */
    long saved() {
        Path file = folder.resolve(SAVED);
        try {
            return Long.parseLong(Files.readString(file).strip());
        } catch (NoSuchFileException e) {
            return 0;
        } catch (IOException | NumberFormatException e) {
            throw new CheckpointException(file + " does not say how many steps were saved; remove it", e);
        }
    }

    /**
     * Sees that a state is not older than what is kept here.
     *
     * @throws CheckpointException if it is: the steps between are gone
     */
    void checkKept(long step) {
        if (step < saved()) {
            throw new CheckpointException("the state beside " + folder + " is of step " + step + ", but step " + saved()
                    + " was saved: to go on from the older one, stop all workers and remove " + folder);
        }
    }

    /** Keeps a state, unless one as late is kept, and throws away what nobody needs afterwards. */
    void save(long step, Runnable state) {
        withState(() -> {
            if (saved() < step) {
                state.run();
                AtomicFile.write(folder.resolve(SAVED), step + "\n");
                clear(step);
            }
            return step;
        });
    }

    /**
     * Makes a step together with the others.
     *
     * @param from sum of the parameters before it
     * @param made computes a micro-batch
     * @param taken is given all of them, in their order
     * @return false where a later state was saved meanwhile: to go on from there
     * @throws CheckpointException if another process computed from other parameters
     */
    boolean step(long step, long from, IntFunction<StepPart> made, Consumer<StepPart> taken) {
        BitSet there = new BitSet(parts);
        long idle = System.nanoTime();
        while (there.cardinality() < parts) {
            boolean moved = false;
            for (int micro = there.nextClearBit(0); micro < parts; micro = there.nextClearBit(micro + 1)) {
                int number = micro;
                if (isThere(step, micro(step, micro), () -> made.apply(number))) {
                    there.set(micro);
                    moved = true;
                }
            }
            if (saved() > step) {
                return false;
            }
            idle = moved ? System.nanoTime() : rest(idle);
        }
        for (int micro = 0; micro < parts; micro++) {
            Path file = file(micro(step, micro));
            Optional<StepPart> part = StepPart.read(file);
            if (part.isEmpty()) {
                return false;
            }
            if (part.get().from() != from) {
                throw new CheckpointException("file " + file + " was computed from other parameters than this process"
                        + " has before step " + step + ": let machines of one kind share a run, for others round"
                        + " otherwise; to go on from the last saved state, stop all workers and remove " + folder);
            }
            taken.accept(part.get());
        }
        return true;
    }

    /** What was measured between steps, by whoever came first; nothing where a later state was saved meanwhile. */
    Map<String, Double> evaluation(long step, Supplier<Map<String, Double>> measured) {
        String name = String.format(Locale.ROOT, "%08d-evaluation", step);
        long idle = System.nanoTime();
        while (!isThere(step, name, () -> new StepPart(measured.get(), 0, Map.of()))) {
            if (saved() > step) {
                return Map.of();
            }
            idle = rest(idle);
        }
        return StepPart.read(file(name)).map(StepPart::scalars).orElse(Map.of());
    }

    // Whether a part is there, made now or before; not where another is at it, or it is too late for it.
    private boolean isThere(long step, String name, Supplier<StepPart> made) {
        Interruption.check();
        Path file = file(name);
        if (Files.exists(file)) {
            return true;
        }
        Optional<Claim> mine = claims.take(name);
        if (mine.isEmpty()) {
            return false;
        }
        try (Claim held = mine.get()) {
            // It may have been finished between the look and the claim, and even thrown away since.
            if (!Files.exists(file) && saved() <= step) {
                made.get().write(file);
            }
            return Files.exists(file);
        }
    }

    // The longer others take, the less often they are looked for.
    private static long rest(long idle) {
        long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - idle);
        try {
            TimeUnit.MILLISECONDS.sleep(Math.max(SHORTEST_MILLIS, Math.min(LONGEST_MILLIS, waited / 10)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("Waiting for other workers was stopped by an interruption.");
        }
        return idle;
    }

    private void clear(long before) {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = String.valueOf(file.getFileName());
                if (name.matches("\\d{8,}-.*") && Long.parseLong(name.substring(0, name.indexOf('-'))) < before) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException e) {
            // Where somebody still reads a file some systems keep it; the next saving clears it away.
            return;
        }
    }

    private static String micro(long step, int micro) {
        return String.format(Locale.ROOT, "%08d-%04d", step, micro);
    }

    private Path file(String name) {
        return folder.resolve(name + ".safetensors");
    }

    /** Leaves the others. */
    @Override
    public void close() {
        try (claims) {
            present.close();
        }
    }
}
