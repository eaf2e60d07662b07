package org.skipgpt.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Who makes what, told among processes by files in a shared folder; one file a piece of work under way.
 *
 * <p>A claim says its owner (host, process, start) and beats while it is held. One whose owner died goes to the next that asks: at
 * once where the owner was a process of this machine, else when its file has not changed for {@link #QUIET}, watched by the asker's
 * own clock, so that clocks of several machines need not agree.
 *
 * <p>No lock of the operating system is used, since not every shared folder has them. So in rare races, or where an owner was
 * suspended for longer than that, two may hold one claim: what is made under claims must be harmless to make twice.
 *
 * <pre>{@code
 * try (Claims claims = Claims.of(folder.resolve("claims"))) {
 *     Optional<Claim> mine = claims.take("shortgpt-0.25");   // empty: somebody else is at it
 * }
 * }</pre>
 */
public final class Claims implements AutoCloseable {
    /** How long a claim of another machine may be without a beat before it counts as left behind. */
    public static final Duration QUIET = Duration.ofSeconds(60);

    private static final Duration BEAT = Duration.ofSeconds(5);
    private static final long SHORT_MILLIS = 20;
    private static final String ENDING = ".claim";

    private final Path folder;
    private final Duration quiet;
    private final Map<String, Seen> watched = new HashMap<>();
    private final Set<Claim> held = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService beats;

    /** What a claim's file held, and since when on this machine's clock. */
    private record Seen(byte[] bytes, long since) {}

    private Claims(Path folder, Duration quiet) {
        this.folder = folder;
        this.quiet = quiet;
        this.beats = Executors.newSingleThreadScheduledExecutor(work -> {
            Thread thread = new Thread(work, "claims of " + folder.getFileName());
            thread.setDaemon(true);
            return thread;
        });
        var unused = beats.scheduleWithFixedDelay(this::beat, BEAT.toMillis(), BEAT.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void beat() {
        held.removeIf(Claim::isClosed);
        held.forEach(Claim::beat);
    }

    /**
     * Claims of a folder, made where it is missing.
     *
     * @throws CheckpointException if it cannot be written to
     */
    public static Claims of(Path folder) {
        return of(folder, QUIET);
    }

    /** The same with another patience for other machines' claims. */
    static Claims of(Path folder, Duration quiet) {
        AtomicFile.makeFolder(folder, folder);
        return new Claims(folder, quiet);
    }

    /**
     * Takes a piece of work; empty where somebody else, who lives, has it.
     *
     * @param name a file name without ending
     * @throws CheckpointException if the folder cannot be written to
     */
    public synchronized Optional<Claim> take(String name) {
        Path file = file(name);
        Optional<byte[]> found = read(file);
        if (found.isPresent()) {
            if (!isLeft(name, found.get()) || !clear(file, found.get())) {
                return Optional.empty();
            }
        }
        watched.remove(name);
        Optional<Claim> mine = Claim.begin(file);
        mine.ifPresent(held::add);
        return mine;
    }

    /**
     * Takes a piece of work that is short, such as writing a file, as soon as nobody else has it.
     *
     * @throws CancellationException if the thread is interrupted while it waits
     */
    public Claim await(String name) {
        Optional<Claim> mine = take(name);
        while (mine.isEmpty()) {
            try {
                TimeUnit.MILLISECONDS.sleep(SHORT_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new CancellationException("Waiting for " + name + " was stopped by an interruption.");
            }
            mine = take(name);
        }
        return mine.get();
    }

    /** How many pieces of work whose names begin so are held by somebody who lives; what the dead had is given free. */
    public synchronized int count(String beginning) {
        int living = 0;
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = String.valueOf(file.getFileName());
                if (name.startsWith(beginning) && name.endsWith(ENDING)) {
                    living += isLiving(file, name.substring(0, name.length() - ENDING.length())) ? 1 : 0;
                }
            }
        } catch (IOException e) {
            throw AtomicFile.failure(folder, e);
        }
        return living;
    }

    private boolean isLiving(Path file, String name) {
        Optional<byte[]> found = read(file);
        if (found.isPresent() && isLeft(name, found.get())) {
            watched.remove(name);
            return !clear(file, found.get());
        }
        return found.isPresent();
    }

    /** Who has a piece of work, for messages: {@code process 4711 on host a}; empty where nobody has. */
    public Optional<String> owner(String name) {
        return read(file(name))
                .map(bytes -> ClaimOwner.parse(bytes)
                        .map(ClaimOwner::toString)
                        .orElse("a process that has not said its name"));
    }

    private boolean isLeft(String name, byte[] bytes) {
        Optional<ClaimOwner> owner = ClaimOwner.parse(bytes);
        if (owner.isPresent() && owner.get().isOfThisMachine()) {
            return !owner.get().isAlive();
        }
        Seen before = watched.get(name);
        if (before == null || !Arrays.equals(before.bytes(), bytes)) {
            watched.put(name, new Seen(bytes, System.nanoTime()));
            return false;
        }
        return System.nanoTime() - before.since() >= quiet.toNanos();
    }

    // Another may have cleared the same claim and taken a new one since it was read, so what was moved away is looked
    // at.
    private static boolean clear(Path file, byte[] expected) {
        Path aside = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".tmp");
        try {
            Files.move(file, aside, StandardCopyOption.ATOMIC_MOVE);
            boolean isSame = Arrays.equals(Files.readAllBytes(aside), expected);
            if (!isSame && !Files.exists(file)) {
                Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
                return false;
            }
            Files.deleteIfExists(aside);
            return isSame;
        } catch (NoSuchFileException e) { // another was faster
            return false;
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    private static Optional<byte[]> read(Path file) {
        try {
            return Optional.of(Files.readAllBytes(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw AtomicFile.failure(file, e);
        }
    }

    private Path file(String name) {
        return folder.resolve(name + ENDING);
    }

    /** Ends the beats; claims that were not closed look left behind from now on. */
    @Override
    public void close() {
        beats.shutdownNow();
    }
}
