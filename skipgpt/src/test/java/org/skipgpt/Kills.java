package org.skipgpt;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.skipgpt.io.ServedHub;

/** Kills writing processes, and lets two write at once, and counts what comes of it for each writer. */
public final class Kills implements AutoCloseable {
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    private final ServedHub hub = new ServedHub();
    private final List<Writer> writers;
    private final Random random;
    private final Map<String, Map<String, Integer>> counts = new TreeMap<>();

    /**
     * Kills and races of some writers.
     *
     * @param writers some of {@link Writers}, or some of {@link EngineWriters}
     */
    public Kills(List<Writer> writers, long seed) throws IOException {
        this.writers = writers;
        this.random = new Random(seed);
        byte[] body = Writers.download();
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("ETag", "\"one\"");
            String range = exchange.getRequestHeaders().getFirst("Range");
            int from = range == null ? 0 : Integer.parseInt(range.replaceAll("[^0-9]", ""));
            exchange.sendResponseHeaders(from == 0 ? 200 : 206, body.length - from);
            exchange.getResponseBody().write(body, from, body.length - from);
            exchange.close();
        });
        server.setExecutor(threads);
        server.start();
        System.setProperty(
                Writers.SERVER, "http://127.0.0.1:" + server.getAddress().getPort());
        System.setProperty(Writers.HUB, hub.endpoint());
    }

    /** How often each writer came to what; what no writer may come to begins with a capital. */
    public Map<String, Map<String, Integer>> counts() {
        return counts;
    }

    private void count(Writer writer, String what) {
        counts.computeIfAbsent(writer.name(), name -> new TreeMap<>()).merge(what, 1, Integer::sum);
    }

    private List<String> options() {
        return List.of(
                "-D" + Writers.SERVER + "=" + System.getProperty(Writers.SERVER),
                "-D" + Writers.HUB + "=" + System.getProperty(Writers.HUB));
    }

    /** Kills one process within some milliseconds of its work and looks at all that it leaves. */
    public void kill(Path folder, int withinMillis) throws IOException, InterruptedException {
        try (WriterProcess process = WriterProcess.start(options(), folder, 0, 1_000, writers)) {
            process.go();
            Thread.sleep(random.nextInt(withinMillis));
            process.kill();
        }
        for (Writer writer : writers) {
            count(writer, "kills");
            look(writer, folder);
        }
    }

    private void look(Writer writer, Path folder) throws IOException {
        int next = 0;
        try {
            // Places are written one after the other, so that the first empty one is where the kill may have fallen.
            while (next < 2_000
                    && !writer.read().from(writer.target(folder, next)).isEmpty()) {
                next += 2;
                if (writer.target(folder, 0).equals(writer.target(folder, 2))) {
                    break;
                }
            }
        } catch (RuntimeException | AssertionError | IOException e) {
            count(writer, "Half: " + e);
            return;
        }
        Path target = writer.target(folder, next);
        Files.createDirectories(target.resolveSibling(""));
        List<Path> left = leftovers(target.resolveSibling(""));
        if (!left.isEmpty()) {
            count(writer, "with leftovers");
        }
        try {
            for (Path file : left) {
                Files.setLastModifiedTime(file, FileTime.fromMillis(0));
            }
            writer.write().to(target, next);
            if (!writer.read().from(target).contains(next)) {
                count(writer, "Another number after the second write");
            }
        } catch (RuntimeException | AssertionError | IOException e) {
            count(writer, "Second write: " + e);
            return;
        }
        left = leftovers(target.resolveSibling(""));
        count(writer, left.isEmpty() ? "whole, written again, swept" : "Not swept: " + left);
    }

    private static List<Path> leftovers(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(file -> {
                        String name = String.valueOf(file.getFileName());
                        return name.startsWith(".") && name.endsWith(".tmp");
                    })
                    .toList();
        }
    }

    /** Lets two processes write into the same places at once. */
    public void race(Path folder, int rounds) throws IOException, InterruptedException {
        List<String> lines = new ArrayList<>();
        try (WriterProcess even = WriterProcess.start(options(), folder, 0, rounds, writers);
                WriterProcess odd = WriterProcess.start(options(), folder, 1, rounds, writers)) {
            even.go();
            odd.go();
            lines.addAll(even.told());
            lines.addAll(odd.told());
        }
        Map<String, Set<Integer>> written = new HashMap<>();
        for (String line : lines) {
            String[] parts = line.split(" ", 4);
            Writer writer = writers.stream()
                    .filter(one -> one.name().replace(' ', '_').equals(parts[0]))
                    .findFirst()
                    .orElseThrow();
            if (parts[2].equals("ok")) {
                count(writer, "writes");
                written.computeIfAbsent(writer.name(), name -> new TreeSet<>()).add(Integer.parseInt(parts[1]));
            } else {
                count(writer, parts[2].equals("told") ? "refusals" : "Raw: " + parts[3]);
            }
        }
        for (Writer writer : writers) {
            for (int i = 0; i < rounds; i++) {
                judge(writer, folder, 2 * i, written.getOrDefault(writer.name(), Set.of()));
            }
        }
    }

    private void judge(Writer writer, Path folder, int even, Set<Integer> written) {
        Set<Integer> found;
        try {
            found = writer.read().from(writer.target(folder, even));
        } catch (RuntimeException | AssertionError | IOException e) {
            count(writer, "Mixed: " + e);
            return;
        }
        Set<Integer> here = new TreeSet<>(written);
        here.retainAll(Set.of(even, even + 1));
        boolean isLost = switch (writer.kind()) {
            case ADDS -> !found.containsAll(here);
            case REFUSES -> here.size() != 1 || !found.equals(here);
            case REPLACES, FINDS -> found.size() != 1;
        };
        if (isLost) {
            count(writer, "Lost: found " + found + ", written " + here);
        }
    }

    @Override
    public void close() throws IOException {
        hub.close();
        server.stop(0);
        threads.shutdownNow();
    }
}
