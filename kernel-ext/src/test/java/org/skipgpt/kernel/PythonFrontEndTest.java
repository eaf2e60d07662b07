package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A second opinion by Jupyter's own programs, where Python has them.
 *
 * <p>The environment variable SKIPGPT_PYTHON names a Python other than {@code python3}.
 */
class PythonFrontEndTest {
    private final Path folder;

    PythonFrontEndTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void passesJupytersKernelTestInFull() throws Exception {
        assumeModule("jupyter_kernel_test");
        try (InputStream in = Objects.requireNonNull(getClass().getResourceAsStream("conformance.py"))) {
            Files.copy(in, folder.resolve("conformance.py"));
        }

        String output = python(0, "-m", "unittest", "-v", "conformance");

        assertThat(output).contains("Ran 13 tests", "OK").doesNotContain("skipped");
    }

    @Test
    void nbclientRunsANotebook() throws Exception {
        assumeModule("nbclient");
        String notebook = "{\"cells\":[{\"cell_type\":\"code\",\"id\":\"a\",\"execution_count\":null,\"outputs\":[],"
                + "\"metadata\":{},\"source\":\"int a = 40;\\na + 2\"}],\"metadata\":{\"kernelspec\":{\"name\":\"java\","
                + "\"display_name\":\"Java\",\"language\":\"java\"}},\"nbformat\":4,\"nbformat_minor\":5}";
        Files.writeString(folder.resolve("n.ipynb"), notebook);

        String output = python(
                0,
                "-c",
                "import nbformat, nbclient; nb = nbformat.read('n.ipynb', 4); nbclient.NotebookClient(nb).execute();"
                        + " print(nb.cells[0].outputs[0]['data']['text/plain'])");

        assertThat(output.strip()).endsWith("42");
    }

    @Test
    void papermillSetsParametersOfAnyKind() throws Exception {
        assumeModule("papermill");
        Path python = Path.of("python").toAbsolutePath(); // of this module, where its tests run
        Path installed = asIfInstalled(python.resolve("pyproject.toml"));
        String parameters = "int n = 1;\\ndouble x = 0;\\nString s = \\\"\\\";\\nboolean b = false;\\nlong big = 0;\\n"
                + "List<Integer> list = null;\\nMap<String, Object> map = null;";
        String notebook = "{\"cells\":[{\"cell_type\":\"code\",\"id\":\"a\",\"execution_count\":null,\"outputs\":[],"
                + "\"metadata\":{\"tags\":[\"parameters\"]},\"source\":\"" + parameters + "\"},"
                + "{\"cell_type\":\"code\",\"id\":\"b\",\"execution_count\":null,\"outputs\":[],\"metadata\":{},"
                + "\"source\":\"List.of(n, x, s, b, big, list, map)\"}],\"metadata\":{\"kernelspec\":{\"name\":\"java\","
                + "\"display_name\":\"Java\",\"language\":\"java\"}},\"nbformat\":4,\"nbformat_minor\":5}";
        Files.writeString(folder.resolve("n.ipynb"), notebook);

        String output = python(
                0,
                "-c",
                "import sys; sys.path[:0] = sys.argv[1:]; import papermill;"
                        + " nb = papermill.execute_notebook('n.ipynb', 'o.ipynb', progress_bar=False, parameters=dict("
                        + "n=3, x=0.5, s='a\"b\\n\u00e9', b=True, big=2**40, list=[1, None], map=dict(k='v', none=None)));"
                        + " print(nb.cells[-1].outputs[0]['data']['text/plain'])",
                python.toString(),
                installed.toString());

        assertThat(output.strip()).endsWith("[3, 0.5, a\"b\n\u00e9, true, 1099511627776, [1, null], {k=v, none=null}]");
    }

    /** What pip would write of our entry points, which papermill looks for; the wheel is made of the same file. */
    private Path asIfInstalled(Path project) throws IOException {
        Matcher points = Pattern.compile("\\[project\\.entry-points\\.\"(.*)\"]\\n(\\S+) = \"(.*)\"")
                .matcher(Files.readString(project));
        assertThat(points.find()).as("the entry point in %s", project).isTrue();
        Path packages = folder.resolve("packages");
        Path info = Files.createDirectories(packages.resolve("skipgpt_kernel-0.1.0.dist-info"));
        Files.writeString(
                info.resolve("entry_points.txt"),
                "[" + points.group(1) + "]\n" + points.group(2) + " = " + points.group(3) + "\n");
        return packages;
    }

    private void assumeModule(String module) throws Exception {
        boolean isThere = run("-c", "import " + module).exitCode() == 0;
        assumeTrue(
                isThere,
                interpreter() + " has no " + module + ": pip install " + module + ", or name a Python that"
                        + " has it in SKIPGPT_PYTHON");
    }

    private String python(int expected, String... arguments) throws Exception {
        KernelSpec.install(folder, "Java (test)", System.getProperty("java.class.path"));
        Result result = run(arguments);
        assertThat(result.exitCode()).as(result.output()).isEqualTo(expected);
        return result.output();
    }

    private record Result(int exitCode, String output) {}

    private Result run(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(interpreter()));
        command.addAll(List.of(arguments));
        File output = folder.resolve("output.txt").toFile();
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
        builder.environment().put("JUPYTER_PATH", folder.toString());
        builder.redirectOutput(output);
        Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            return new Result(127, e.toString());
        }
        if (!process.waitFor(LiveKernel.LIMIT.toSeconds(), TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        int code = process.waitFor();
        return new Result(code, Files.readString(output.toPath(), UTF_8));
    }

    private static String interpreter() {
        return System.getenv().getOrDefault("SKIPGPT_PYTHON", "python3");
    }
}
