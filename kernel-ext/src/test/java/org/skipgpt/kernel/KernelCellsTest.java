package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.WireMessage;

/** What a reader of a notebook sees: results, text, errors, displays, magics. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelCellsTest {
    private LiveKernel kernel;

    private Path folder;

    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        Path script = Files.writeString(folder.resolve("start.jsh"), "int fromScript = 41;\ndisplay(\"early\");\n");
        kernel = LiveKernel.start(
                folder,
                Map.of(
                        "IJAVA_STARTUP_SCRIPTS_PATH",
                        script.toString(),
                        "IJAVA_STARTUP_SCRIPT",
                        "int fromVariable = fromScript + 1;"));
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @Test
    void showsTheValueOfALastExpressionWithoutSemicolon() throws Exception {
        assertThat(kernel.run("int a = 20;\na + 22").result()).contains("42");
        assertThat(kernel.run("a + 23;").result()).isEmpty();
        assertThat(kernel.run("int b = 1").result()).isEmpty();
        assertThat(kernel.run("List.of(1, 2)").result()).contains("[1, 2]");
    }

    @Test
    void gathersPrintedLinesIntoFewMessagesInOrder() throws Exception {
        CellRun run = kernel.run("for (int i = 0; i < 5000; i++) System.out.println(\"line \" + i);");

        List<String> lines = run.stream("stdout").lines().toList();
        assertThat(lines).hasSize(5000).first().isEqualTo("line 0");
        assertThat(lines.get(4999)).isEqualTo("line 4999");
        assertThat(run.ofType("stream")).hasSizeLessThan(60);
    }

    @Test
    void keepsTheOrderOfBothStreamsAndDisplays() throws Exception {
        CellRun run = kernel.run("System.out.print(\"1\"); System.err.print(\"2\"); System.out.print(\"3\");\n"
                + "display(\"4\");\nSystem.out.print(\"5\");");

        assertThat(run.messages().stream().map(WireMessage::type).toList())
                .containsExactly("execute_input", "stream", "stream", "stream", "display_data", "stream");
        assertThat(LiveKernel.texts(run.ofType("stream"))).containsExactly("1", "2", "3", "5");
    }

    @Test
    void anImportThatIsThereAlreadyTakesNoneAway() throws Exception {
        for (String line : CellImports.forCells()) {
            assertThat(kernel.run(line).traceback()).as(line).isEmpty();
        }

        assertThat(kernel.run("render(List.of(new StringReader(\"\").read()))").traceback())
                .isEmpty();
    }

    @Test
    void printsCharactersOutsideOfAscii() throws Exception {
        assertThat(kernel.run("System.out.println(\"größer – 漢字 🦙\")").stream("stdout"))
                .isEqualTo("größer – 漢字 🦙\n");
    }

    @Test
    void saysWhereAnExceptionCameFrom() throws Exception {
        kernel.run(
                "int half(int x) {\n    if (x % 2 != 0) {\n        throw new IllegalStateException(\"odd\");\n    }\n"
                        + "    return x / 2;\n}");
        CellRun run = kernel.run("int before = 1;\n\nint y = half(before);");

        assertThat(run.status()).isEqualTo("error");
        assertThat(run.reply().get("ename").getAsString()).isEqualTo("java.lang.IllegalStateException");
        assertThat(run.reply().get("evalue").getAsString()).isEqualTo("odd");
        int count = run.reply().get("execution_count").getAsInt();
        assertThat(run.traceback())
                .contains("In[" + (count - 1) + "], line 3")
                .contains("throw new IllegalStateException(\"odd\");")
                .contains("In[" + count + "], line 3")
                .contains("^^^")
                .doesNotContain("org.skipgpt.kernel.cell")
                .doesNotContain("do_it$");
    }

    @Test
    void namesTheCauses() throws Exception {
        CellRun run = kernel.run(
                "try { Integer.parseInt(\"x\"); }\ncatch (Exception e) { throw new RuntimeException(\"outer\", e); }");

        assertThat(run.traceback())
                .contains("java.lang.RuntimeException: outer")
                .contains("Caused by: java.lang.NumberFormatException: For input string: \"x\"");
    }

    @Test
    void pointsAtWhatDoesNotCompile() throws Exception {
        CellRun run = kernel.run("int ok = 1;\nint bad = missing + 1;");

        assertThat(run.reply().get("ename").getAsString()).isEqualTo("CompileError");
        assertThat(run.traceback().lines().toList()).contains("2 | int bad = missing + 1;", "              ^^^^^^^");
        assertThat(kernel.run("ok").result()).contains("1");
    }

    @Test
    void namesExceptionsAndValuesAsTheReaderDoes() throws Exception {
        kernel.run("class Odd extends RuntimeException { Odd(String m) { super(m); } }\nString nothing = null;");

        assertThat(kernel.run("throw new Odd(\"x\");").reply().get("ename").getAsString())
                .isEqualTo("Odd");
        assertThat(kernel.run("nothing.length()").traceback())
                .contains("because \"nothing\" is null")
                .doesNotContain("REPL");
    }

    @Test
    void saysRepeatedFramesOnce() throws Exception {
        kernel.run("int down(int n) { if (n == 0) throw new IllegalStateException(\"bottom\"); return down(n - 1); }");
        CellRun run = kernel.run("try { down(50); } catch (Exception e) { throw new RuntimeException(\"top\", e); }");

        assertThat(run.traceback()).contains("the same 50 more times", "Caused by: ", "and on as above");
        assertThat(run.traceback().lines().count()).isLessThan(14);
    }

    @Test
    void anAssertInACellAsserts() throws Exception {
        assertThat(kernel.run("assert 1 > 2 : \"one is less\";").traceback()).contains("AssertionError: one is less");
    }

    @Test
    void errorsUseColoursThatBothThemesCanShow() throws Exception {
        CellRun run = kernel.run("int notHere = nowhere;");

        String traceback = run.reply().getAsJsonArray("traceback").toString();
        assertThat(traceback).contains("\\u001b[31m^^^").doesNotContain("\\u001b[36m", "\\u001b[1;31m");
    }

    @Test
    void updatesADisplay() throws Exception {
        CellRun run = kernel.run("String id = display(\"first\");\nupdateDisplay(id, \"second\");");

        JsonObject first = run.ofType("display_data").get(0).content();
        JsonObject second = run.ofType("update_display_data").get(0).content();
        assertThat(first.getAsJsonObject("data").get("text/plain").getAsString())
                .isEqualTo("first");
        assertThat(second.getAsJsonObject("data").get("text/plain").getAsString())
                .isEqualTo("second");
        assertThat(second.getAsJsonObject("transient")).isEqualTo(first.getAsJsonObject("transient"));
    }

    @Test
    void runsStartUpCodeBeforeTheFirstCell() throws Exception {
        assertThat(kernel.run("fromVariable").result()).contains("42");
    }

    @Test
    void givesCellsIJavasKernelAndRenderer() throws Exception {
        CellRun run = kernel.run(
                "import io.github.spencerpark.jupyter.kernel.display.mime.MIMEType;\nrecord Bold(String s) {}\n"
                        + "getKernelInstance().getRenderer().createRegistration(Bold.class).preferring(MIMEType.TEXT_HTML)"
                        + ".register((b, c) -> c.renderIfRequested(MIMEType.TEXT_HTML, () -> \"<b>\" + b.s() + \"</b>\"));\n"
                        + "new Bold(\"x\")");

        JsonObject data = run.ofType("execute_result").get(0).content().getAsJsonObject("data");
        assertThat(data.get("text/html").getAsString()).isEqualTo("<b>x</b>");
    }

    @Test
    void runsMagicsBetweenLinesOfCode() throws Exception {
        CellRun run = kernel.run("int p = 7;\n%time p * 6\n");
        assertThat(run.result()).contains("42");
        assertThat(run.stream("stdout")).startsWith("wall time: ");

        assertThat(kernel.run("%%time\nint q = 5;\nq + 1").result()).contains("6");
        assertThat(kernel.run("%%bench 3\nMath.sqrt(2)").stream("stdout"))
                .startsWith("median ")
                .contains("3 runs");
        assertThat(kernel.run("%mem").stream("stdout")).contains("Java heap");
        assertThat(kernel.run("%gpu").stream("stdout")).isNotBlank();
        assertThat(kernel.run("%list").stream("stdout")).contains("int p = 7;");
        assertThat(kernel.run("%help").stream("stdout")).contains("%%bench", "%load FILE");
        assertThat(kernel.run("%classpath").stream("stdout")).contains("jupyter-jvm-basekernel");
        assertThat(kernel.run("%nosuch").status()).isEqualTo("error");
        assertThat(kernel.run("String s = \"\"\"\n  %time\n  \"\"\";\ns.strip()")
                        .result())
                .contains("%time");
    }

    @Test
    void timesTheRunWithoutTheCompiler() throws Exception {
        String printed = kernel.run("%time Thread.sleep(30);").stream("stdout");

        Matcher times = Pattern.compile("wall time: ([\\d.]+) ms, after .*s to compile\n")
                .matcher(printed);
        assertThat(times.matches()).as(printed).isTrue();
        assertThat(Double.parseDouble(times.group(1))).isBetween(30.0, 20_000.0);
    }

    @Test
    void magicsThatFailSayWhereAndWhatToDo() throws Exception {
        CellRun unknown = kernel.run("int w = 1;\n%nosuch");
        String place = "In[" + unknown.reply().get("execution_count").getAsInt() + "], line 2";
        assertThat(unknown.traceback()).contains("there is no magic %nosuch; %help lists", place);

        assertThat(kernel.run("int v = 1;\n%time v / 0").traceback()).contains("], line 2\n", "2 | v / 0");
        assertThat(kernel.run("%%bench 3\nint z = 1 / 0;").traceback())
                .contains("2 | int z = 1 / 0;")
                .doesNotContain("Bench");
        assertThat(kernel.run("%%bench many\n1").traceback()).contains("'many' is no number of runs");
        assertThat(kernel.run("%classpath nowhere/*.jar").traceback())
                .contains("there is no nowhere/*.jar below " + folder.toRealPath());
        Files.writeString(folder.resolve("notes.md"), "no jar");
        assertThat(kernel.run("%classpath notes.md").traceback()).contains("notes.md is neither a jar nor a folder");
        assertThat(kernel.run("\n%%help").traceback())
                .contains("there is no magic %%help; %help lists", "], line 2")
                .doesNotContain("line 0");
        assertThat(kernel.run("%time").traceback()).contains("there is nothing to time");
        assertThat(kernel.run("%list").stream("stdout")).doesNotContain("Bench", "v / 0");
    }

    @Test
    void showsTheValuesOfArrays() throws Exception {
        assertThat(kernel.run("new float[] {1, 2.5f}").result()).contains("float[2]\n1.0000  2.5000");
    }

    @Test
    void loadsScriptsAndNotebooks() throws Exception {
        Files.writeString(folder.resolve("helpers.jsh"), "int twice(int x) { return 2 * x; }\n%mem\n");
        Files.writeString(
                folder.resolve("other.ipynb"),
                "{\"cells\":[{\"cell_type\":\"markdown\",\"source\":\"x\"},{\"cell_type\":\"code\",\"source\":[\"int n =\\n\",\"9;\"]}]}");

        assertThat(kernel.run("%load helpers.jsh\n%load other.ipynb\ntwice(n)").result())
                .contains("18");
        try (InputStream in = Objects.requireNonNull(getClass().getResourceAsStream("ijava-startup.jsh"))) {
            Files.copy(in, folder.resolve("ijava-startup.jsh"));
        }
        assertThat(kernel.run("%load ijava-startup.jsh\nlive()").result())
                .hasValueSatisfying(shown -> assertThat(shown).startsWith("live observer: "));
        assertThat(kernel.run("%load nowhere.jsh").traceback()).contains("there is no file nowhere.jsh below ");
        assertThat(kernel.run("%load /nowhere/a.jsh").traceback())
                .contains("there is no file /nowhere/a.jsh; correct the path");
        assertThat(kernel.run("%load " + folder).traceback()).contains(folder + " is a folder");
    }

    @Test
    void runsCodeFromCode() throws Exception {
        assertThat(kernel.run("eval(\"int z = 4; z * 2\")").result()).contains("8");
    }

    @Test
    void doesNotWaitForThreadsACellLeavesBehind() throws Exception {
        CellRun run = kernel.run(
                "var sleeper = new Thread(() -> { try { Thread.sleep(600_000); } catch (InterruptedException e) { } });\n"
                        + "sleeper.setDaemon(true); sleeper.start();");

        assertThat(run.status()).isEqualTo("ok");
        assertThat(kernel.run("sleeper.isAlive()").result()).contains("true");
        kernel.run("sleeper.interrupt();");
    }

    @Test
    void answersUserExpressions() throws Exception {
        WireMessage request = kernel.client.executeLater("int u = 3;", true);
        kernel.await(request);
        JsonObject content = request.content().deepCopy();
        JsonObject expressions = new JsonObject();
        expressions.addProperty("value", "u * 2");
        content.add("user_expressions", expressions);
        WireMessage second = kernel.client.request(Channel.SHELL, "execute_request", content);

        JsonObject answered = kernel.await(second).reply().getAsJsonObject("user_expressions");
        assertThat(answered.getAsJsonObject("value")
                        .getAsJsonObject("data")
                        .get("text/plain")
                        .getAsString())
                .isEqualTo("6");
    }
}
