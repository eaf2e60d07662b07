package org.skipgpt.kernel.client;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.skipgpt.kernel.wire.Connection;

/** A kernel in a process of its own; closing it leaves no process behind. */
public final class KernelProcess implements AutoCloseable {
    private static final int EXIT_SECONDS = 6;

    private final Process process;
    private final Connection connection;
    private final Path connectionFile;

    private KernelProcess(Process process, Connection connection, Path connectionFile) {
        this.process = process;
        this.connection = connection;
        this.connectionFile = connectionFile;
    }

    /**
     * Starts a kernel from its kernelspec.
     *
     * @param spec the folder that holds {@code kernel.json}
     * @param workFolder working folder of the kernel
     * @param log file for what the kernel prints to its terminal
     * @param environment further environment variables
     */
    public static KernelProcess start(Path spec, Path workFolder, Path log, Map<String, String> environment)
            throws IOException {
        JsonObject json = JsonParser.parseString(Files.readString(spec.resolve("kernel.json")))
                .getAsJsonObject();
        Connection connection = Connection.local();
        Path file = Files.createTempFile("kernel-", ".json"); // readable by its owner only, as it holds the key
        Files.writeString(file, connection.toJson());
        List<String> command = new ArrayList<>();
        for (JsonElement word : json.getAsJsonArray("argv")) {
            command.add(word.getAsString()
                    .replace("{connection_file}", file.toString())
                    .replace("{resource_dir}", spec.toAbsolutePath().toString()));
        }
        ProcessBuilder builder = new ProcessBuilder(command).directory(workFolder.toFile());
        if (json.has("env")) {
            json.getAsJsonObject("env")
                    .entrySet()
                    .forEach(entry -> builder.environment()
                            .put(entry.getKey(), entry.getValue().getAsString()));
        }
        builder.environment().putAll(environment);
        builder.environment()
                .put("JPY_PARENT_PID", String.valueOf(ProcessHandle.current().pid()));
        builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
        builder.redirectInput(ProcessBuilder.Redirect.from(nullFile()));
        return new KernelProcess(builder.start(), connection, file);
    }

    /** Where the kernel listens. */
    public Connection connection() {
        return connection;
    }

    /** Whether the process runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /** The kernel's process. */
    public ProcessHandle handle() {
        return process.toHandle();
    }

    /** Waits for the process to end by itself; false where it has not after some seconds. */
    public boolean awaitExit(long seconds) throws InterruptedException {
        return process.waitFor(seconds, TimeUnit.SECONDS);
    }

    /** Ends the process and all it started. A kernel that got a shutdown request is given time to end by itself. */
    @Override
    public void close() {
        List<ProcessHandle> children = process.descendants().toList();
        try {
            if (!process.waitFor(EXIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        children.forEach(ProcessHandle::destroyForcibly);
        try {
            Files.deleteIfExists(connectionFile);
        } catch (IOException e) {
            connectionFile.toFile().deleteOnExit();
        }
    }

    private static File nullFile() {
        return new File(System.getProperty("os.name").startsWith("Windows") ? "NUL" : "/dev/null");
    }
}
