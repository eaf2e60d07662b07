package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.client.NotebookCheck;
import org.skipgpt.kernel.client.NotebookResult;
import org.skipgpt.kernel.client.NotebookRunner;
import org.skipgpt.kernel.client.RunnerOptions;

/** Runs real notebooks in real kernels. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NotebookRunnerTest {
    private final ByteArrayOutputStream terminal = new ByteArrayOutputStream();
    private Path folder;
    private Path spec;

    @BeforeAll
    void install(@TempDir Path temporary) throws Exception {
        folder = temporary;
        spec = KernelSpec.install(folder, "Java (test)", System.getProperty("java.class.path"));
    }

    @Test
    void writesExecutedNotebooksThatAreTheSameEachTime() throws Exception {
        Path notebook = notebook(
                "good.ipynb",
                code("System.out.print(\"a\"); System.out.print(\"b\");\\n6 * 7", ""),
                "{\"cell_type\":\"markdown\",\"metadata\":{},\"source\":\"text\"}",
                code("throw new RuntimeException(\"planned\");", "\"raises-exception\""),
                code("String id = display(\"old\");\\nupdateDisplay(id, \"new\");", ""),
                code(
                        "var picture = new java.awt.image.BufferedImage(2, 2, java.awt.image.BufferedImage.TYPE_INT_RGB);\\npicture",
                        ""),
                code("throw new Error(\"never\");", "\"skip-execution\""));

        NotebookResult first = run(notebook, "first", 60);
        NotebookResult second = run(notebook, "second", 60);

        assertThat(first.failure()).isEmpty();
        assertThat(first.cells()).isEqualTo(4);
        assertThat(first.pictures()).isEqualTo(1);
        assertThat(folder.resolve("first/good.cell-04.png")).isNotEmptyFile();
        String text = Files.readString(first.executed());
        assertThat(text)
                .contains("\"42\"", "\"ab\"", "\"new\"", "\"nbformat_minor\": 5", "planned")
                .doesNotContain("\"old\"", "display_id", "never\\\\n");
        assertThat(Files.readString(second.executed())).isEqualTo(text);
        NotebookCheck check = NotebookCheck.of(folder.resolve("first"), folder.resolve("second"));
        assertThat(check.faults()).isEmpty();
        assertThat(check.codeCells()).isEqualTo(5);
        assertThat(check.pictures()).isEqualTo(1);
    }

    @Test
    void stopsAtAFailureAndSaysWhere() throws Exception {
        Path notebook = notebook("bad.ipynb", code("int a = 1;", ""), code("a / 0", ""), code("a = 9;", ""));

        NotebookResult result = run(notebook, "bad", 60);

        assertThat(result.isOk()).isFalse();
        assertThat(result.cells()).isEqualTo(2);
        assertThat(result.failure()).contains("cell 2 of 3", "/ by zero", "In[2], line 1");
        NotebookCheck check = NotebookCheck.of(folder.resolve("bad"), folder.resolve("bad"));
        assertThat(check.faults())
                .anyMatch(fault -> fault.contains("ArithmeticException"))
                .anyMatch(fault -> fault.contains("was never run"));
    }

    @Test
    void stopsACellAtItsLimit() throws Exception {
        Path notebook = notebook("slow.ipynb", code("while (true) { }", ""));

        assertThat(run(notebook, "slow", 2).failure()).contains("ran longer than 2 s");
    }

    @Test
    void noticesAKernelThatDies() throws Exception {
        Path notebook = notebook("dies.ipynb", code("Runtime.getRuntime().halt(3);", ""));

        assertThat(run(notebook, "dies", 60).failure()).contains("process has ended");
    }

    @Test
    void theCheckFindsChangedSource() throws Exception {
        Path one = Files.createDirectories(folder.resolve("one"));
        Path two = Files.createDirectories(folder.resolve("two"));
        Files.writeString(one.resolve("n.ipynb"), notebookText(code("int a = 1;", "")));
        Files.writeString(two.resolve("n.ipynb"), notebookText(code("int a = 2;", "")));
        Path empty = Files.createDirectories(folder.resolve("empty"));

        assertThat(NotebookCheck.of(one, two).faults()).anyMatch(fault -> fault.contains("source differ"));
        assertThat(NotebookCheck.of(one, empty).faults()).anyMatch(fault -> fault.contains("was not executed"));
        assertThat(NotebookCheck.of(empty, empty).faults()).hasSize(1);
    }

    @Test
    void explainsAWrongCommandLine() {
        assertThatThrownBy(() -> RunnerOptions.parse("--spec", "x"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("usage:");
        assertThatThrownBy(() -> RunnerOptions.parse("nowhere.ipynb")).hasMessageContaining("nowhere.ipynb");
    }

    @Test
    void parametersTakeTheValuesOfTheCommandLine() throws Exception {
        Path notebook = notebook(
                "parameters.ipynb",
                code("int steps = 5;\\nString model = \\\"small\\\";".replace("\\\"", "\""), "\"parameters\""),
                code("System.out.print(steps + model);", ""));
        RunnerOptions parsed = RunnerOptions.parse(
                "--spec",
                spec.toString(),
                "--out",
                folder.resolve("p").toString(),
                "-p",
                "steps=7",
                "-p",
                "model=large",
                notebook.toString());

        NotebookResult result = run(notebook, "p", 60, parsed.parameters());

        assertThat(result.failure()).isEmpty();
        assertThat(Files.readString(result.executed())).contains("7large", "injected-parameters");
        assertThatThrownBy(() -> RunnerOptions.parse("-p", "steps")).hasMessageContaining("'steps' is no parameter");
        Path none = notebook("none.ipynb", code("int a = 1;", ""));
        assertThatThrownBy(() -> run(none, "p", 60, parsed.parameters())).hasMessageContaining("no cell is tagged");
    }

    private NotebookResult run(Path notebook, String out, int seconds) throws Exception {
        return run(notebook, out, seconds, Map.of());
    }

    private NotebookResult run(Path notebook, String out, int seconds, Map<String, String> parameters)
            throws Exception {
        RunnerOptions options = new RunnerOptions(
                spec, folder.resolve(out), Duration.ofSeconds(seconds), List.of(notebook), parameters);
        PrintStream stream = new PrintStream(terminal, true, StandardCharsets.UTF_8);
        return new NotebookRunner(options, stream).runAll().get(0);
    }

    private Path notebook(String name, String... cells) throws Exception {
        return Files.writeString(folder.resolve(name), notebookText(cells));
    }

    private static String notebookText(String... cells) {
        return "{\"cells\":[" + String.join(",", cells) + "],\"metadata\":{},\"nbformat\":4,\"nbformat_minor\":5}";
    }

    private static String code(String source, String tags) {
        return "{\"cell_type\":\"code\",\"execution_count\":null,\"outputs\":[],\"metadata\":{\"tags\":[" + tags
                + "],\"collapsed\":true},\"source\":\"" + source.replace("\"", "\\\"") + "\"}";
    }
}
