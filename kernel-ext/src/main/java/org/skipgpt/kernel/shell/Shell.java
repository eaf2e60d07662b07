package org.skipgpt.kernel.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import jdk.jshell.tool.JavaShellToolBuilder;
import org.skipgpt.kernel.CellImports;

/**
 * Starts JShell with the library loaded: {@code java -cp ... org.skipgpt.kernel.shell.Shell}.
 *
 * <p>Further arguments are those of {@code jshell}, files to run among them. {@code /help} explains the commands, a tab
 * completes, a second one shows the documentation.
 */
public final class Shell {
    private Shell() {}

    /**
     * Runs until {@code /exit}.
     *
     * @param arguments further arguments of {@code jshell}
     */
    public static void main(String[] arguments) throws Exception {
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
                    startup.toString(),
                    "--feedback",
                    "concise"));
            all.addAll(List.of(arguments));
            int exit = JavaShellToolBuilder.builder()
                    .persistence(new HashMap<>()) // nothing is written to the user's home
                    .start(all.toArray(String[]::new));
            System.exit(exit);
        } finally {
            Files.deleteIfExists(startup);
        }
    }

    private static Path startup() throws IOException {
        Path file = Files.createTempFile("skipgpt-shell-", ".jsh");
        file.toFile().deleteOnExit();
        return Files.write(file, CellImports.forShell());
    }
}
