package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.client.CellRun;

/** A session forgets what is over, and nothing else. */
class KernelForgettingTest {
    /** More than enough snippets to make the kernel forget, each of a kind that it may. */
    private static final int FILLERS = 100;

    /** What can be named for ever. */
    private static final List<String> DECLARATIONS = List.of(
            "import java.util.concurrent.atomic.*;",
            "int kept = 1;",
            "record Point(int x) { int twice() { return 2 * x; } }",
            "Point point = new Point(20);",
            "var points = new ArrayList<Point>(List.of(point));",
            "var shaped = new Object() { int edges = 3; };",
            "int area(int a) { return a * kept; }",
            "int area(int a, int b) { return a * b; }",
            "int early() { return late() + 1; }",
            "enum Side { LEFT, RIGHT }",
            "class Base { int value() { return 1; } }\nclass Derived extends Base { int more() { return value() + 1; } }",
            "class Base { int value() { return 41; } }",
            "int changed = 1;\nint useChanged() { return changed; }",
            "Runnable thrower;",
            "thrower = () -> {\n    throw new IllegalStateException(\"late\");\n};",
            "int dropped = 5;",
            "%drop dropped");

    /** Code, and the result that it must have after all the others. */
    private static final Map<String, String> CHECKS = checks();

    private static Map<String, String> checks() {
        Map<String, String> checks = new LinkedHashMap<>();
        checks.put("new AtomicInteger(kept).get()", "1");
        checks.put("point.twice() + points.get(0).x()", "60");
        checks.put("points.add(new Point(3)); points.size()", "2");
        checks.put("shaped.edges", "3");
        checks.put("area(2) + area(2, 3)", "8");
        checks.put("int late() { return 6; }\nearly()", "7");
        checks.put("Side.valueOf(\"LEFT\").ordinal()", "0");
        checks.put("new Derived().more()", "42");
        checks.put("changed = 9;\nuseChanged()", "9");
        checks.put("String changed = \"x\";\nString useChanged() { return changed; }\nuseChanged()", "x");
        checks.put("int dropped = 5;\ndropped", "5");
        checks.put("record Point(int x) { int twice() { return 3 * x; } }\nnew Point(2).twice()", "6");
        checks.put("int kept = 3;\narea(2)", "6");
        return checks;
    }

    @Test
    void whatCanBeNamedStaysAndWhatIsOverGoes(@TempDir Path folder) throws Exception {
        try (LiveKernel kernel = LiveKernel.start(folder, Map.of())) {
            declareAndFill(kernel);
            long before = kept(kernel);
            fill(kernel, FILLERS);

            // Without the forgetting it is some three objects a cell; up to a hundred wait for it.
            assertThat(kept(kernel) - before)
                    .as("objects kept for %d cells", FILLERS)
                    .isLessThan(FILLERS * 2L);
            check(kernel);
        }
    }

    @Test
    void withoutAViewOfJShellAllWorksAndTheLogSaysWhatItCosts(@TempDir Path folder) throws Exception {
        Path spec = KernelSpec.install(folder, "Java (test)", System.getProperty("java.class.path"));
        Path arguments = spec.resolve("java.args");
        Files.writeString(arguments, Files.readString(arguments).replace(CellEngine.SHELL_OPTION + "\n", ""));

        try (LiveKernel kernel = LiveKernel.startFrom(spec, folder, Map.of())) {
            declareAndFill(kernel);
            check(kernel);
            assertThat(Files.readString(folder.resolve("kernel.log"))).containsOnlyOnce(CellEngine.SHELL_OPTION);
        }
    }

    private static void declareAndFill(LiveKernel kernel) throws TimeoutException {
        for (String declaration : DECLARATIONS) {
            assertThat(kernel.run(declaration).traceback()).as(declaration).isEmpty();
        }
        fill(kernel, FILLERS);
    }

    private static void fill(LiveKernel kernel, int cells) throws TimeoutException {
        for (int i = 0; i < cells; i++) {
            switch (i % 6) {
                case 0 -> kernel.run("kept++; kept--;");
                case 1 -> kernel.run("int other = " + i + ";");
                case 2 -> kernel.run("int unknown = nowhere" + i + ";");
                case 3 -> kernel.run("record Other(int a) { int plus() { return a + " + i + "; } }");
                case 4 -> kernel.run("this is no Java");
                default -> kernel.run("throw new IllegalStateException(\"" + i + "\");");
            }
        }
    }

    private static void check(LiveKernel kernel) throws TimeoutException {
        assertThat(kernel.run("thrower.run();").traceback()).contains("In[15], line 2");
        for (Map.Entry<String, String> check : CHECKS.entrySet()) {
            CellRun run = kernel.run(check.getKey());
            assertThat(run.traceback()).as(check.getKey()).isEmpty();
            assertThat(run.result()).as(check.getKey()).contains(check.getValue());
        }
    }

    /** How many objects the process has that JShell makes for a snippet. */
    private static long kept(LiveKernel kernel) throws Exception {
        Process histogram = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                        String.valueOf(kernel.process.handle().pid()),
                        "GC.class_histogram")
                .start();
        try (var lines = histogram.inputReader().lines()) {
            return lines.map(line -> line.strip().split("\\s+"))
                    .filter(words ->
                            words.length > 3 && words[3].matches("jdk\\.jshell\\..*(Snippet|ClassWrap|FileObject)"))
                    .mapToLong(words -> Long.parseLong(words[1]))
                    .sum();
        }
    }
}
