package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.wire.WireMessage;

/** Nothing passes in silence: code that did not run, names that are missing, values that are gone, exceptions elsewhere. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelSilenceTest {
    private LiveKernel kernel;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        kernel = LiveKernel.start(folder, Map.of());
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    static Stream<Arguments> tooLarge() {
        String constant = '"' + "x".repeat(65_536) + '"';
        String block = "\"\"\"\n" + "line of a text block\n".repeat(3_500) + "\"\"\"";
        String numbers = IntStream.range(0, 9_000).mapToObj(String::valueOf).collect(Collectors.joining(", "));
        return Stream.of(
                Arguments.of("String s = " + constant + ";", "constant string too long"),
                Arguments.of(constant + ".length()", "constant string too long"),
                Arguments.of("System.out.println(" + constant + ");", "constant string too long"),
                Arguments.of("Runnable r = () -> System.out.println(" + constant + ");", "constant string too long"),
                Arguments.of("String block = " + block + ";", "constant string too long"),
                Arguments.of("int[] many = {" + numbers + "};", "code too large"),
                Arguments.of("void many() {\n" + "System.out.println(\"x\");\n".repeat(9_000) + "}", "code too large"));
    }

    @ParameterizedTest
    @MethodSource("tooLarge")
    void whatTheCompilerRefusesLateFailsTheCellAndNothingElse(String code, String reason) throws Exception {
        CellRun run = kernel.run(code);

        assertThat(run.status()).isEqualTo("error");
        assertThat(run.reply().get("ename").getAsString()).isEqualTo("CompileError");
        assertThat(run.traceback()).contains(reason, ", line 1").hasSizeLessThan(2_000);
        assertThat(kernel.run("20 + 22").result()).contains("42");
        assertThat(kernel.run("%list").stream("stdout")).doesNotContain("xxxx", "many");
    }

    @Test
    void codeThatIsNestedTooDeeplySaysSo() throws Exception {
        assertThat(kernel.run("(".repeat(3_000) + "7" + ")".repeat(3_000)).result())
                .contains("7");

        CellRun run = kernel.run("int deep = " + "(".repeat(200_000) + "7" + ")".repeat(200_000) + ";");

        assertThat(run.reply().get("evalue").getAsString()).contains("nested too deeply");
        assertThat(kernel.run("8").result()).contains("8");
    }

    @Test
    void aForwardReferenceIsNamedAtOnceAndAtUseAndMayBeMended() throws Exception {
        CellRun declared = kernel.run("class Early { Laater x; }");
        assertThat(declared.status()).isEqualTo("ok");
        assertThat(declared.stream("stderr")).contains("Early (In[", "cannot be used yet", "class Laater");

        assertThat(kernel.run("new Early()").traceback()).contains("Early (In[", "class Laater");
        assertThat(kernel.run("%list").stream("stdout")).contains("class Early { Laater x; }  // Early (In[");

        assertThat(kernel.run("class Laater {}").stream("stderr")).isEmpty();
        assertThat(kernel.run("new Early().x == null").result()).contains("true");
    }

    @Test
    void forwardReferencesWithinACellNeedNoWord() throws Exception {
        CellRun run = kernel.run(
                "int isEven(int n) { return n == 0 ? 1 : isOdd(n - 1); }\nint isOdd(int n) { return n == 0 ? 0 : isEven(n - 1); }");

        assertThat(run.stream("stderr")).isEmpty();
        assertThat(kernel.run("isEven(10)").result()).contains("1");
    }

    @Test
    void aMethodThatWaitsNamesWhatItWaitsForWhenItIsCalled() throws Exception {
        assertThat(kernel.run("int waits() { return notThere + alsoNot(1); }").stream("stderr"))
                .contains("variable notThere", "method alsoNot(int)");

        CellRun run = kernel.run("waits()");

        assertThat(run.reply().get("ename").getAsString()).isEqualTo("UnresolvedReference");
        assertThat(run.reply().get("evalue").getAsString()).contains("waits (In[", "notThere", "alsoNot(int)");
    }

    @Test
    void aTypeDeclaredAnewSaysWhichVariablesItEmptied() throws Exception {
        kernel.run("record Point(int x) {}\nenum Colour { RED }");
        kernel.run("Point p = new Point(1);\nColour c = Colour.RED;\nint untouched = 5;");

        CellRun record = kernel.run("record Point(int x, int y) {}");
        assertThat(record.stream("stderr")).contains("p has lost its value, because Point was declared anew");
        assertThat(kernel.run("p").traceback()).contains("p has lost its value, because Point was declared anew");
        assertThat(kernel.run("enum Colour { RED, BLUE }").stream("stderr")).contains("c has lost its value");
        assertThat(kernel.run("%list").stream("stdout"))
                .contains("Colour c = Colour.RED;  // lost its value, because Colour was declared anew");

        CellRun again = kernel.run("record Point(int x, int y, int z) {}\nPoint p = new Point(1, 2, 3);");
        assertThat(again.stream("stderr")).doesNotContain("p has lost");
        assertThat(kernel.run("p.z() + untouched").result()).contains("8");
    }

    @Test
    void aMethodDeclaredAnewSaysWhichMethodsNoLongerFit() throws Exception {
        kernel.run("int one() { return 1; }\nint two() { return one() + 1; }");

        CellRun run = kernel.run("String one() { return \"a\"; }");

        assertThat(run.stream("stderr")).contains("two (In[", "incompatible types: ");
        assertThat(kernel.run("two()").traceback()).contains("incompatible types: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Thread t = new Thread(() -> { throw new IllegalStateException(\"lost\"); }, \"mine\");\nt.start(); t.join();",
                "var pool = Executors.newSingleThreadExecutor();\npool.execute(() -> { throw new IllegalStateException(\"lost\"); });\n"
                        + "pool.shutdown(); pool.awaitTermination(9, TimeUnit.SECONDS);",
                "var timer = new Timer(true);\ntimer.schedule(new TimerTask() { public void run() {"
                        + " throw new IllegalStateException(\"lost\"); } }, 1);\nThread.sleep(400);",
                "var future = CompletableFuture.runAsync(() -> { throw new IllegalStateException(\"lost\"); });\n"
                        + "Thread.sleep(1500);"
            })
    void anExceptionInAnotherThreadIsShownWithItsPlace(String code) throws Exception {
        CellRun run = kernel.run(code);

        assertThat(run.stream("stderr"))
                .contains("IllegalStateException")
                .contains("lost")
                .contains("In[");
    }

    @Test
    void anExceptionOfAFutureThatTheCellAsksIsShownOnce() throws Exception {
        CellRun run = kernel.run(
                "var asked = CompletableFuture.runAsync(() -> { throw new IllegalStateException(\"once\"); });\n"
                        + "asked.join();");

        assertThat(run.traceback()).contains("once");
        assertThat(kernel.run("Thread.sleep(900);").stream("stderr")).doesNotContain("once");
    }

    @Test
    void aHandlerOfTheUsersOwnIsCalled() throws Exception {
        CellRun run = kernel.run("var kept = Thread.getDefaultUncaughtExceptionHandler();\n"
                + "Thread.setDefaultUncaughtExceptionHandler((thread, e) -> System.out.println(\"mine: \" + e.getMessage()));\n"
                + "Thread dying = new Thread(() -> { throw new RuntimeException(\"x\"); });\ndying.start(); dying.join();\n"
                + "Thread.setDefaultUncaughtExceptionHandler(kept);");

        assertThat(run.stream("stdout")).isEqualTo("mine: x\n");
    }

    @Test
    void suppressedExceptionsAndCirclesOfCausesAreShown() throws Exception {
        CellRun suppressed = kernel.run("class Door implements AutoCloseable {\n"
                + "  public void close() { throw new IllegalStateException(\"jammed\"); }\n}\n"
                + "try (var door = new Door()) {\n  throw new RuntimeException(\"fire\");\n}");
        assertThat(suppressed.traceback())
                .contains("RuntimeException: fire", "Suppressed: java.lang.IllegalStateException: jammed");

        CellRun circle = kernel.run("var a = new RuntimeException(\"a\"); var b = new RuntimeException(\"b\");\n"
                + "a.initCause(b); b.initCause(a);\nthrow a;");
        assertThat(circle.reply().get("evalue").getAsString()).isEqualTo("a");
        assertThat(circle.traceback()).contains("Caused by: java.lang.RuntimeException: b", "shown above", ", line 1");
    }

    @Test
    void anErrorOfAnyKindFailsTheCell() throws Exception {
        assertThat(kernel.run("throw new ThreadDeath();").reply().get("ename").getAsString())
                .isEqualTo("java.lang.ThreadDeath");
        assertThat(kernel.run("throw new Error(\"plain\");")
                        .reply()
                        .get("evalue")
                        .getAsString())
                .isEqualTo("plain");
        assertThat(kernel.run(
                                "class Mute extends RuntimeException { public String getMessage() { throw new Error(); } }\n"
                                        + "throw new Mute();")
                        .traceback())
                .contains("its message cannot be read");
    }

    /** Its message, its text and its trace throw, too; whoever tells of it must not end by it. */
    @Test
    void anErrorThatCannotBeToldFailsTheCellAndNoOther() throws Exception {
        kernel.run("class Unspeakable extends Error { public String getMessage() { throw new Unspeakable(); } }\n"
                + "class Shown { public String toString() { throw new Unspeakable(); } }");

        assertThat(kernel.run("throw new Unspeakable();").traceback()).contains("its message cannot be read");
        assertThat(kernel.run("new Shown()").status()).isEqualTo("error");
        assertThat(kernel.run("6 * 7").result()).contains("42");
    }

    @Test
    void recordsOfJavaLoggingAreShown() throws Exception {
        CellRun run = kernel.run("java.util.logging.Logger.getLogger(\"mine\").warning(\"careful\");\n"
                + "java.util.logging.Logger.getLogger(\"mine\").fine(\"detail\");");

        assertThat(run.stream("stderr")).isEqualTo("WARNING mine: careful\n");
    }

    @Test
    void aScannerWithoutInputSaysWhy() throws Exception {
        WireMessage request = kernel.client.executeLater("new Scanner(System.in).nextLine()", true, false);

        assertThat(kernel.await(request).traceback()).contains("this front end takes no input");
    }

    @Test
    void warningsOfTheCompilerAreShown(@TempDir Path folder) throws Exception {
        try (LiveKernel strict = LiveKernel.start(folder, Map.of("IJAVA_COMPILER_OPTS", "-Xlint:all"))) {
            CellRun run = strict.run("List raw = new ArrayList();");

            assertThat(run.status()).isEqualTo("ok");
            assertThat(run.stream("stderr")).contains("Warning", "raw type", "In[1], line 1");
        }
    }
}
