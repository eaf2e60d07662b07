package org.skipgpt.kernel.shell;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.prefs.Preferences;
import jdk.jshell.tool.JavaShellToolBuilder;
import org.skipgpt.kernel.CellImports;

/**
 * Starts JShell with the library loaded: {@code java -cp ... org.skipgpt.kernel.shell.Shell}.
 *
 * <p>Further arguments are those of {@code jshell}, files to run among them. {@code /help} explains the commands, a tab
 * completes, a second one shows the documentation, see {@link ShellDocs}. Feedback is concise, and values are shown whole: JShell would cut the
 * middle out of a long one, which in a table moves numbers under another row's name.
 */
public final class Shell {
    private static final int LONGEST_VALUE = 10_000; // characters; a report has 25 lines of some 100
    private static final String LONGEST_VALUE_KEY = "longest-value";

    private Shell() {}

    /**
     * Runs until {@code /exit}.
     *
     * @param arguments further arguments of {@code jshell}
     */
    public static void main(String[] arguments) throws Exception {
        Thread docs = new Thread(Shell::explain, "shell-docs"); // it opens archives, and nobody presses Tab so soon
        docs.setDaemon(true);
        docs.start();
        Path startup = startup();
        try {
            List<String> all = new ArrayList<>(List.of(
                    // one JVM, so that class path, flags and native libraries are those of this command
                    "--execution",
                    "local",
                    "--class-path",
                    System.getProperty("java.class.path"),
                    "--startup",
                    "PRINTING",
                    "--startup",
                    startup.toString()));
            all.addAll(List.of(arguments));
            int exit = JavaShellToolBuilder.builder().persistence(settings()).start(all.toArray(String[]::new));
            System.exit(exit);
        } finally {
            Files.deleteIfExists(startup);
        }
    }

    private static void explain() {
        try {
            ShellDocs.install();
        } catch (IOException | IllegalStateException e) {
            System.err.println("Note: " + e.getMessage());
        }
    }

    // The files that a shell runs at its start come before its feedback modes exist, so another shell makes the mode,
    // once for a user. As with every JShell, history and what is kept by -retain lie among the user's preferences, here
    // in a place of their own.
    private static Preferences settings() throws Exception {
        Preferences kept = Preferences.userRoot().node("org/skipgpt/shell");
        if (kept.getInt(LONGEST_VALUE_KEY, 0) == LONGEST_VALUE) {
            return kept;
        }
        String commands = String.join(
                "\n",
                "/set mode skipgpt concise -quiet",
                "/set truncation skipgpt " + LONGEST_VALUE,
                "/set mode skipgpt -retain",
                "/set feedback -retain skipgpt",
                "/exit",
                "");
        JavaShellToolBuilder.builder()
                .persistence(kept)
                .in(new ByteArrayInputStream(commands.getBytes(UTF_8)), null)
                .out(new PrintStream(OutputStream.nullOutputStream(), false, UTF_8))
                .start("--no-startup", "--execution", "local");
        kept.putInt(LONGEST_VALUE_KEY, LONGEST_VALUE);
        return kept;
    }

    private static Path startup() throws IOException {
        Path file = Files.createTempFile("skipgpt-shell-", ".jsh");
        file.toFile().deleteOnExit();
        return Files.write(file, CellImports.forShell());
    }
}
