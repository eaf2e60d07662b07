package org.skipgpt.kernel.shell;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.report.Column;
import org.skipgpt.report.TextTable;

class ShellTest {
    /** Stands in for the user's home, where JShell keeps its history and settings. */
    @TempDir
    @SuppressWarnings("NullAway.Init")
    static Path home;

    private record Ended(int code, String output) {}

    private static Ended run(String typed, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.util.prefs.userRoot=" + home,
                ShellDocs.OPTION,
                "-cp",
                System.getProperty("java.class.path"),
                Shell.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (OutputStream in = process.getOutputStream()) {
            in.write(typed.getBytes(UTF_8));
        }
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        return new Ended(process.waitFor(), output);
    }

    @Test
    void runsAScriptWithTheLibraryLoaded(@TempDir Path folder) throws Exception {
        Path script = Files.writeString(
                folder.resolve("s.jsh"),
                "ProgressObserver o = ProgressObserver.silent();\nprintln(new Progress(\"a\", 1, 2, \"b\", 3, \"\").isDone());\n/exit 3\n");

        Ended shell = run("", script.toString());

        assertThat(shell.code()).as(shell.output()).isEqualTo(3);
        assertThat(shell.output()).contains("false").doesNotContain("rror");
    }

    @Test
    void showsATableWholeAndOtherwiseLittle() throws Exception {
        TextTable table = TextTable.of("t", Column.text("task"), Column.number("a long name of a number", 2));
        for (int i = 0; i < 20; i++) {
            table = table.withRow("task, again and again, " + i, (double) i);
        }
        assertThat(table.text()).as("longer than JShell shows").hasSizeGreaterThan(1000);

        Ended shell = run("var table = TextTable.of(\"t\", Column.text(\"task\"), "
                + "Column.number(\"a long name of a number\", 2))\n"
                + "for (int i = 0; i < 20; i++) table = table.withRow(\"task, again and again, \" + i, (double) i)\n"
                + "table\n/reset\n\"x\".repeat(4000) + \"end\"\n/exit 4\n");

        assertThat(shell.code()).as(shell.output()).isEqualTo(4);
        assertThat(shell.output())
                .contains(table.text(), "x".repeat(4000) + "end")
                .doesNotContain("Welcome", "rror");
        assertThat(shell.output().split("again, 19", -1))
                .as("a declaration shows nothing")
                .hasSize(2);
    }

    @Test
    void theSecondTabExplainsTheLibrary() throws Exception {
        // What a second Tab shows, asked of a shell in the shell, as the sources are named for all of a process.
        String asked = "var inner = jdk.jshell.JShell.create()\n"
                + "inner.addToClasspath(System.getProperty(\"java.class.path\"))\n"
                + "void explain(String code) { inner.sourceCodeAnalysis().documentation(code, code.length(), true)"
                + ".forEach(found -> System.out.println(found.signature() + \" is \" + found.javadoc())); }\n"
                + "while (java.lang.Thread.getAllStackTraces().keySet().stream()"
                + ".anyMatch(one -> one.getName().equals(\"shell-docs\"))) Thread.sleep(20)\n"
                + "explain(\"org.skipgpt.kernel.live.Live.live(\")\n/exit 5\n";

        Ended shell = run(asked);

        assertThat(shell.code()).as(shell.output()).isEqualTo(5);
        assertThat(shell.output()).contains("Live.live() is", "A new observer for one piece of work");
    }

    @Test
    void keepsWhatAUserSets() throws Exception {
        run("/set feedback -retain normal\n/exit\n");

        Ended later = run("int x = 5\n/set feedback -retain skipgpt\n/exit 7\n");

        assertThat(later.code()).as(later.output()).isEqualTo(7);
        assertThat(later.output()).contains("x ==> 5");
    }

    @Test
    void takesAnotherFeedbackMode() throws Exception {
        Ended shell = run("int x = 5\n/exit 6\n", "--feedback", "verbose");

        assertThat(shell.code()).as(shell.output()).isEqualTo(6);
        assertThat(shell.output()).contains("created variable x : int");
    }
}
