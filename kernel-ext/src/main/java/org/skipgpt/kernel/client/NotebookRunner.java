package org.skipgpt.kernel.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import org.skipgpt.kernel.wire.WireMessage;

/**
 * Runs notebooks over the wire, each in a fresh kernel, and writes the executed ones.
 *
 * <p>Tags {@code raises-exception} and {@code skip-execution} are honoured. The written notebooks hold no times and no
 * machine's names, so that two runs of the same notebook give the same file where its cells are deterministic.
 */
public final class NotebookRunner {
    /** Set in the kernel's environment: progress becomes a few plain lines. */
    public static final String PLAIN_PROGRESS = "SKIPGPT_PLAIN_PROGRESS";

    private static final Duration START_LIMIT = Duration.ofSeconds(90);
    private static final Duration STOP_LIMIT = Duration.ofSeconds(10);
    private static final int TITLE_CHARS = 60;

    private final RunnerOptions options;
    private final PrintStream terminal;

    /** Makes a runner that writes its progress to a terminal. */
    public NotebookRunner(RunnerOptions options, PrintStream terminal) {
        this.options = options;
        this.terminal = terminal;
    }

    /**
     * Runs notebooks; exit code 0 where all went well, 1 where one failed, 2 for a wrong command line.
     *
     * @param arguments see {@link RunnerOptions#USAGE}
     */
    public static void main(String[] arguments) throws IOException {
        RunnerOptions options;
        try {
            options = RunnerOptions.parse(arguments);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }
        List<NotebookResult> results = new NotebookRunner(options, System.out).runAll();
        System.exit(results.stream().allMatch(NotebookResult::isOk) ? 0 : 1);
    }

    /** Runs all notebooks and prints a table at the end. */
    public List<NotebookResult> runAll() throws IOException {
        Files.createDirectories(options.out());
        List<NotebookResult> results = new ArrayList<>();
        for (Path notebook : options.notebooks()) {
            terminal.printf(
                    Locale.ROOT,
                    "%n[%d/%d] %s%n",
                    results.size() + 1,
                    options.notebooks().size(),
                    notebook.getFileName());
            NotebookResult result = run(notebook);
            results.add(result);
            if (!result.isOk()) {
                terminal.println("  FAILED: " + result.failure());
            }
        }
        terminal.println();
        terminal.print(table(results));
        return results;
    }

    /** Runs one notebook. */
    public NotebookResult run(Path notebook) throws IOException {
        long start = System.nanoTime();
        String name = String.valueOf(notebook.getFileName());
        NotebookDocument document = NotebookDocument.read(notebook);
        document.normalize();
        if (!options.parameters().isEmpty()) {
            document.setParameters(options.parameters());
        }
        clear(document);
        Path executed = options.out().resolve(name);
        Path log = options.out().resolve(name.replaceAll("\\.ipynb$", "") + ".kernel.log");
        Files.deleteIfExists(log);
        Path folder = Objects.requireNonNull(notebook.toAbsolutePath().getParent(), "a file has a folder");
        String failure;
        int ran = 0;
        try (KernelProcess process = KernelProcess.start(options.spec(), folder, log, Map.of(PLAIN_PROGRESS, "1"));
                KernelClient client = new KernelClient(process.connection(), process::isAlive)) {
            client.awaitReady(START_LIMIT);
            failure = runCells(client, document);
            ran = (int) document.cells().stream().filter(NotebookRunner::wasRun).count();
            client.shutdown(false, STOP_LIMIT);
        } catch (TimeoutException e) {
            failure = e.getMessage() + "; the kernel's log is " + log;
        }
        if (Files.exists(log) && Files.size(log) == 0) {
            Files.delete(log);
        }
        document.write(executed);
        int pictures = pictures(document, name.replaceAll("\\.ipynb$", ""));
        return new NotebookResult(notebook, executed, ran, pictures, (System.nanoTime() - start) / 1e9, failure);
    }

    private String runCells(KernelClient client, NotebookDocument document) throws TimeoutException {
        CellOutputs outputs = new CellOutputs();
        List<JsonObject> cells = document.cells().stream()
                .filter(NotebookDocument::isCode)
                .filter(cell -> !NotebookDocument.source(cell).isBlank())
                .filter(cell -> !NotebookDocument.hasTag(cell, "skip-execution"))
                .toList();
        for (int i = 0; i < cells.size(); i++) {
            JsonObject cell = cells.get(i);
            boolean mayFail = NotebookDocument.hasTag(cell, "raises-exception");
            long start = System.nanoTime();
            WireMessage request = client.executeLater(NotebookDocument.source(cell), !mayFail);
            CellRun run;
            try {
                run = client.await(request, options.cellLimit(), prompt -> "");
            } catch (KernelGoneException e) {
                throw e;
            } catch (TimeoutException e) {
                boolean isStopped = stop(client, request, cell, outputs, i + 1);
                return "cell " + (i + 1) + " of " + cells.size() + " ran longer than "
                        + options.cellLimit().toSeconds() + " s"
                        + (isStopped ? "" : " and could not be interrupted") + ": " + title(cell);
            }
            cell.addProperty("execution_count", i + 1);
            cell.add("outputs", outputs.collect(run.messages(), i + 1));
            terminal.printf(
                    Locale.ROOT,
                    "  cell %2d/%d %7.1f s  %s%n",
                    i + 1,
                    cells.size(),
                    (System.nanoTime() - start) / 1e9,
                    title(cell));
            if (!run.status().equals("ok") && !mayFail) {
                return "cell " + (i + 1) + " of " + cells.size() + ": " + title(cell) + "\n"
                        + run.traceback().indent(4).stripTrailing();
            }
        }
        return "";
    }

    private static boolean stop(
            KernelClient client, WireMessage request, JsonObject cell, CellOutputs outputs, int count) {
        cell.addProperty("execution_count", count);
        try {
            client.interrupt(STOP_LIMIT);
            CellRun run = client.await(request, STOP_LIMIT, prompt -> "");
            cell.add("outputs", outputs.collect(run.messages(), count));
            return true;
        } catch (TimeoutException e) {
            return false;
        }
    }

    private static void clear(NotebookDocument document) {
        document.cells().stream().filter(NotebookDocument::isCode).forEach(cell -> {
            cell.add("outputs", new JsonArray());
            cell.add("execution_count", JsonNull.INSTANCE);
        });
    }

    private static boolean wasRun(JsonObject cell) {
        return NotebookDocument.isCode(cell) && !cell.get("execution_count").isJsonNull();
    }

    /** Writes each PNG of the outputs as {@code NAME.cell-03.png}. */
    private int pictures(NotebookDocument document, String name) throws IOException {
        int written = 0;
        for (JsonObject cell : document.cells()) {
            if (!NotebookDocument.isCode(cell)) {
                continue;
            }
            int inCell = 0;
            for (JsonElement element : cell.getAsJsonArray("outputs")) {
                JsonObject output = element.getAsJsonObject();
                if (!output.has("data") || !output.getAsJsonObject("data").has("image/png")) {
                    continue;
                }
                String encoded =
                        NotebookDocument.text(output.getAsJsonObject("data").get("image/png"));
                inCell++;
                String file = String.format(
                        Locale.ROOT,
                        "%s.cell-%02d%s.png",
                        name,
                        cell.get("execution_count").getAsInt(),
                        inCell > 1 ? "-" + inCell : "");
                Files.write(options.out().resolve(file), Base64.getMimeDecoder().decode(encoded));
                written++;
            }
        }
        return written;
    }

    private static String title(JsonObject cell) {
        String line = NotebookDocument.source(cell).strip().lines().findFirst().orElse("");
        return line.length() <= TITLE_CHARS ? line : line.substring(0, TITLE_CHARS - 1) + "…";
    }

    private static String table(List<NotebookResult> results) {
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT, "%-40s %6s %9s %9s  %s%n", "notebook", "cells", "pictures", "seconds", "result"));
        for (NotebookResult result : results) {
            text.append(String.format(
                    Locale.ROOT,
                    "%-40s %6d %9d %9.1f  %s%n",
                    result.notebook().getFileName(),
                    result.cells(),
                    result.pictures(),
                    result.seconds(),
                    result.isOk() ? "ok" : "FAILED"));
        }
        return text.toString();
    }
}
