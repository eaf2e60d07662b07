package org.skipgpt.kernel;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.skipgpt.kernel.client.KernelClient;
import org.skipgpt.kernel.client.KernelProcess;

/**
 * A class data archive beside a kernelspec, which Java reads in place of the classes of a start: the first result comes a
 * fifth to a quarter sooner. A kernel that runs once writes it as it ends.
 */
final class StartArchive {
    private static final String FILE = "kernel.jsa";
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final int EXIT_SECONDS = 60;

    private StartArchive() {}

    /** Makes the archive of a spec; false where this JDK or this class path allows none, and nothing is changed then. */
    static boolean make(Path spec) throws IOException {
        boolean hasFolders = Stream.of(System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator)))
                .anyMatch(entry -> Files.isDirectory(Path.of(entry)));
        if (hasFolders) {
            return false; // Java archives classes of jars only
        }
        Path archive = spec.resolve(FILE);
        Files.deleteIfExists(archive);
        Path arguments = spec.resolve("java.args");
        List<String> plain = Files.readAllLines(arguments);
        write(arguments, "-XX:ArchiveClassesAtExit=" + KernelSpec.quoted(archive.toString()), plain);
        try {
            runOnce(spec);
        } finally {
            write(arguments, "", plain);
        }
        if (!Files.exists(archive)) {
            return false;
        }
        write(arguments, "-XX:SharedArchiveFile=" + KernelSpec.quoted(archive.toString()), plain);
        return true;
    }

    private static void runOnce(Path spec) throws IOException {
        Path log = Files.createTempFile("kernel-archive-", ".log");
        try (KernelProcess process = KernelProcess.start(spec, spec, log, Map.of());
                KernelClient client = new KernelClient(process.connection(), process::isAlive)) {
            client.awaitReady(LIMIT);
            client.execute("List.of(1 + 1)", LIMIT);
            client.shutdown(false, LIMIT);
            process.awaitExit(EXIT_SECONDS);
        } catch (TimeoutException e) {
            throw new IOException("the kernel did not start: " + Files.readString(log), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            Files.deleteIfExists(log);
        }
    }

    private static void write(Path file, String first, List<String> rest) throws IOException {
        List<String> lines = new ArrayList<>();
        if (!first.isEmpty()) {
            lines.add(first);
            lines.add("-Xlog:cds=off"); // after a change of the class path Java would warn at each start
            lines.add("-Xlog:cds+dynamic=off");
        }
        lines.addAll(rest);
        Files.write(file, lines);
    }
}
