package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.Codec;
import org.skipgpt.kernel.wire.WireMessage;

/** Interruption, aborted cells, input, history, bad messages, the end of a kernel. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelControlTest {
    private static final String SNIPPET_THREADS = "Thread.getAllStackTraces().keySet().stream()"
            + ".filter(t -> t != Thread.currentThread() && t.getThreadGroup() != null"
            + " && t.getThreadGroup().getName().equals(\"cells\")).count()";

    private LiveKernel kernel;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        String checkout = Path.of("..").toAbsolutePath().normalize().toString();
        kernel = LiveKernel.start(folder, Map.of("SKIPGPT_HOME", checkout));
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "while (true) { }",
                "Thread.sleep(600_000);",
                "try { Thread.sleep(600_000); } catch (InterruptedException e) { }\nThread.sleep(600_000);",
                "while (true) { try { Thread.sleep(1000); } catch (InterruptedException e) { } }",
                "long n = 0; while (true) { n++; if (n % 1000 == 0) System.out.print(\"\"); }"
            })
    void interruptsACellAndLeavesNoThreadBehind(String endless) throws Exception {
        WireMessage request = kernel.client.executeLater("System.out.println(\"runs\");\n" + endless, true);
        kernel.awaitOutput(request);
        kernel.client.interrupt(LiveKernel.LIMIT);
        CellRun run = kernel.await(request);

        assertThat(run.status()).isEqualTo("error");
        assertThat(run.reply().get("ename").getAsString()).isEqualTo("Interrupted");
        assertThat(kernel.run(SNIPPET_THREADS).result()).contains("0");
        // longer than the delayed stop of the interrupted cell, which must not reach this one
        assertThat(kernel.run("Thread.sleep(1200); \"untouched\"").result()).contains("untouched");
    }

    /** A lock, a thread's own variable and the reader's idea of a program all need one thread. */
    @Test
    void allOfASessionRunsOnOneThread() throws Exception {
        kernel.run("var lock = new java.util.concurrent.locks.ReentrantLock();\n"
                + "ThreadLocal<String> own = new ThreadLocal<>();\nThread first = Thread.currentThread();");
        kernel.run("lock.lock();\nown.set(\"kept\");");

        assertThat(kernel.run("lock.isHeldByCurrentThread()").result()).contains("true");
        assertThat(kernel.run("lock.unlock();\nown.get()").result()).contains("kept");
        WireMessage endless = kernel.client.executeLater("System.out.println(\"runs\"); while (true) { }", true);
        kernel.awaitOutput(endless);
        kernel.client.interrupt(LiveKernel.LIMIT);
        kernel.await(endless);
        assertThat(kernel.run(
                                "Thread.currentThread() == first && own.get() == \"kept\" && eval(\"Thread.currentThread()\") == first")
                        .result())
                .contains("true");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "java.math.BigInteger.valueOf(7).pow(Integer.MAX_VALUE / 64).toString().length()",
                "while (true) { try { while (true) Thread.sleep(1); } catch (Throwable e) { } }"
            })
    void aCellThatNothingEndsIsGivenUpAndSaysSo(String stubborn, @TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of())) {
            WireMessage request = other.client.executeLater("System.out.println(\"runs\");\n" + stubborn, true);
            other.awaitOutput(request);
            other.client.interrupt(LiveKernel.LIMIT);
            Thread.sleep(5000);
            other.client.interrupt(LiveKernel.LIMIT); // more than the code deserves; it may have ended by now
            CellRun run = other.await(request);

            assertThat(run.reply().get("ename").getAsString()).isEqualTo("Interrupted");
            if (run.reply().get("evalue").getAsString().contains("did not end")) {
                assertThat(run.stream("stderr")).contains("the cell does not end; it is in ", "In[1], line 2");
                assertThat(run.traceback()).contains("until the kernel is restarted", "In[1], line 2");
            }
            assertThat(other.run("int after = 6;\nafter * 7").result()).contains("42");
        }
    }

    @Test
    void anInterruptWithoutARunningCellDoesNothing() throws Exception {
        kernel.client.interrupt(LiveKernel.LIMIT);

        assertThat(kernel.run("Thread.sleep(800); 5").result()).contains("5");
    }

    @Test
    void anInterruptedTrainingLoopKeepsWhatItLearned() throws Exception {
        declareTuning();
        // longer than the delayed stop, and deaf to interrupts as native code is
        WireMessage request = tuneWith("CompletableFuture.runAsync(() -> sleep(2000)).join();");
        kernel.client.interrupt(LiveKernel.LIMIT);
        CellRun run = kernel.await(request);

        assertThat(run.reply().get("ename").getAsString()).isEqualTo("Interrupted");
        assertThat(kernel.run("tuned.run().steps() + \" of 500\"").result())
                .hasValueSatisfying(steps -> assertThat(steps).matches("[1-9] of 500"));
    }

    /** A first figure is drawn just after the first bar, and AWT swallows interrupts. */
    @ParameterizedTest
    @ValueSource(ints = {50, 200, 400})
    void anInterruptWhileAFigureIsDrawnEndsTheTuning(int millis) throws Exception {
        declareTuning();
        WireMessage request = kernel.client.executeLater(
                "tuned = tuneDenseLora(load(\"world\"), worldTexts(40, 50), "
                        + "TuningOptions.workshop().withSteps(100).withBatch(2, 64), live());",
                true);
        assertThat(kernel.client.find(
                        Channel.IOPUB,
                        LiveKernel.LIMIT,
                        m -> m.type().equals("display_data") && m.parentId().equals(request.id())))
                .isPresent();
        Thread.sleep(millis);
        kernel.client.interrupt(LiveKernel.LIMIT);
        CellRun run = kernel.await(request);

        assertThat(run.reply().get("ename").getAsString()).isEqualTo("Interrupted");
        assertThat(kernel.run("tuned.run().steps() < 100 && tuned.run().isStopped()")
                        .result())
                .contains("true");
    }

    @Test
    void aSecondInterruptEndsATrainingLoopThatDoesNotAnswer() throws Exception {
        declareTuning();
        WireMessage request = tuneWith("while (true) { }");
        kernel.client.interrupt(LiveKernel.LIMIT);
        kernel.client.interrupt(LiveKernel.LIMIT);
        CellRun run = kernel.await(request);

        assertThat(run.reply().get("ename").getAsString()).isEqualTo("Interrupted");
        assertThat(kernel.run("tuned == null").result()).contains("true");
    }

    private void declareTuning() throws Exception {
        CellRun run = kernel.run("workspace(\"cpu\", \"fp32\");\nTuned tuned = null;\n"
                + "void sleep(long millis) { try { Thread.sleep(millis); } catch (InterruptedException e) { } }");
        assertThat(run.status()).isEqualTo("ok");
    }

    private WireMessage tuneWith(String inEachReport) throws Exception {
        WireMessage request = kernel.client.executeLater(
                "ProgressObserver slow = progress -> {\n    System.out.println(progress);\n    " + inEachReport
                        + "\n};\n"
                        + "tuned = tuneRouters(load(\"world\"), worldTexts(40, 50), 0.25, "
                        + "TuningOptions.workshop().withSteps(500), slow);",
                true);
        kernel.awaitOutput(request);
        return request;
    }

    @Test
    void abortsTheCellsQueuedBehindAFailedOne() throws Exception {
        kernel.run("int touched = 0;");
        WireMessage failing = kernel.client.executeLater("Thread.sleep(300); throw new RuntimeException(\"x\");", true);
        WireMessage second = kernel.client.executeLater("touched = 1;", true);
        WireMessage third = kernel.client.executeLater("touched = 2;", true);

        assertThat(kernel.await(failing).status()).isEqualTo("error");
        assertThat(kernel.await(second).status()).isEqualTo("aborted");
        assertThat(kernel.await(third).status()).isEqualTo("aborted");
        assertThat(kernel.run("touched").result()).contains("0");
    }

    @Test
    void runsTheCellsBehindAFailureThatIsAllowed() throws Exception {
        WireMessage failing =
                kernel.client.executeLater("Thread.sleep(200); throw new RuntimeException(\"x\");", false);
        WireMessage second = kernel.client.executeLater("6", true);

        assertThat(kernel.await(failing).status()).isEqualTo("error");
        assertThat(kernel.await(second).result()).contains("6");
    }

    @Test
    void asksForInput() throws Exception {
        WireMessage request = kernel.client.executeLater(
                "System.out.println(\"name?\");\nvar in = new Scanner(System.in);\nin.nextLine() + in.nextLine()",
                true);
        AtomicInteger asked = new AtomicInteger();

        CellRun run = kernel.client.await(request, LiveKernel.LIMIT, prompt -> "answer" + asked.incrementAndGet());

        assertThat(run.result()).contains("answer1answer2");
    }

    @Test
    void interruptsACellThatWaitsForInput() throws Exception {
        WireMessage request = kernel.client.executeLater("System.out.println(\"?\"); System.in.read();", true);
        assertThat(kernel.client.find(
                        Channel.STDIN, LiveKernel.LIMIT, m -> m.parentId().equals(request.id())))
                .isPresent();
        kernel.client.interrupt(LiveKernel.LIMIT);

        assertThat(kernel.await(request).reply().get("ename").getAsString()).isEqualTo("Interrupted");
    }

    @Test
    void remembersCells() throws Exception {
        kernel.run("int rememberedOne = 1;");
        kernel.run("int rememberedTwo = 2;");

        JsonObject tail = new JsonObject();
        tail.addProperty("hist_access_type", "tail");
        tail.addProperty("n", 2);
        assertThat(history(tail)).containsExactly("int rememberedOne = 1;", "int rememberedTwo = 2;");

        JsonObject search = new JsonObject();
        search.addProperty("hist_access_type", "search");
        search.addProperty("pattern", "*rememberedT?o*");
        assertThat(history(search)).containsExactly("int rememberedTwo = 2;");

        JsonObject range = new JsonObject();
        range.addProperty("hist_access_type", "range");
        range.addProperty("session", 0);
        range.addProperty("start", 1);
        range.addProperty("stop", 2);
        assertThat(history(range)).hasSize(1);
    }

    @Test
    void dropsUnsignedAndBrokenMessagesAndLives() throws Exception {
        WireMessage request = WireMessage.of("intruder", "execute_request", code("int stolen = 1;"));
        kernel.client.sendFrames(Channel.SHELL, new Codec("hmac-sha256", "wrong key").encode(request));
        kernel.client.sendFrames(Channel.SHELL, new Codec("hmac-sha256", "").encode(request));
        kernel.client.sendFrames(Channel.SHELL, List.of("nonsense".getBytes(US_ASCII)));
        kernel.client.sendFrames(
                Channel.CONTROL,
                IntStream.range(0, 7)
                        .mapToObj(i -> new byte[] {(byte) 0xff, '{'})
                        .toList());
        WireMessage headless = new WireMessage(
                List.of(), new JsonObject(), new JsonObject(), new JsonObject(), new JsonObject(), List.of());
        kernel.client.send(Channel.SHELL, headless);
        WireMessage unknown = WireMessage.of("client", "no_such_request", new JsonObject());
        kernel.client.send(Channel.SHELL, unknown);

        assertThat(kernel.run("stolen").reply().get("ename").getAsString()).isEqualTo("CompileError");
        assertThat(kernel.run("7").result()).contains("7");
    }

    @Test
    void runsBesideAnotherKernel(@TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of())) {
            kernel.run("int mine = 1;");
            other.run("int mine = 2;");

            assertThat(kernel.run("mine").result()).contains("1");
            assertThat(other.run("mine").result()).contains("2");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"int x = 1;", "new Thread(() -> { while (true) { } }).start();"})
    void leavesNoProcessAfterAShutdown(String code, @TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of())) {
            other.run(code);
            ProcessHandle handle = other.process.handle();
            other.client.shutdown(true, LiveKernel.LIMIT);

            assertThat(other.process.awaitExit(LiveKernel.LIMIT.toSeconds())).isTrue();
            assertThat(handle.isAlive()).isFalse();
        }
    }

    @Test
    void interruptsACellThatWaitsForTheKernelToStart(@TempDir Path otherFolder) throws Exception {
        Map<String, String> slowStart = Map.of("IJAVA_STARTUP_SCRIPT", "Thread.sleep(5000);");
        try (LiveKernel other = LiveKernel.start(otherFolder, slowStart)) {
            WireMessage request = other.client.executeLater("while (true) { }", true);
            assertThat(other.client.find(
                            Channel.IOPUB, LiveKernel.LIMIT, m -> m.type().equals("execute_input")))
                    .isPresent();
            other.client.interrupt(LiveKernel.LIMIT);

            assertThat(other.await(request).reply().get("ename").getAsString()).isEqualTo("Interrupted");
            assertThat(other.run("9").result()).contains("9");
        }
    }

    @Test
    void showsWhatStartUpCodePrintedAboveTheFirstCell(@TempDir Path otherFolder) throws Exception {
        Map<String, String> environment = Map.of(
                "IJAVA_CLASSPATH", "/nowhere/x.jar",
                "IJAVA_STARTUP_SCRIPTS_PATH", "/nowhere/start.jsh",
                "IJAVA_STARTUP_SCRIPT", "System.out.println(\"hello\");\ndisplay(\"shown\");\nint broken = 1 / 0;");
        try (LiveKernel other = LiveKernel.start(otherFolder, environment)) {
            // this answer comes when the start is over, so nothing below belongs to a cell that waits
            other.client.ask(Channel.SHELL, "is_complete_request", code("1"), LiveKernel.LIMIT);
            CellRun run = other.run("6");

            assertThat(run.stream("stdout")).isEqualTo("hello\n");
            assertThat(run.stream("stderr"))
                    .contains("/nowhere/x.jar, which is not there", "/nowhere/start.jsh cannot be read")
                    .contains("/ by zero", "IJAVA_STARTUP_SCRIPT, line 3");
            assertThat(run.ofType("display_data")).hasSize(1);
            assertThat(run.result()).contains("6");
            assertThat(other.run("7").stream("stdout")).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"IJAVA_TIMEOUT=soon", "IJAVA_COMPILER_OPTS=-nosuch"})
    void aWrongSettingIsToldInTheNotebook(String setting, @TempDir Path otherFolder) throws Exception {
        String[] pair = setting.split("=");
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of(pair[0], pair[1]))) {
            assertThat(other.run("1").traceback()).contains(pair[0] + " is '" + pair[1] + "'");
            other.client.interrupt(LiveKernel.LIMIT);
            other.client.shutdown(false, LiveKernel.LIMIT);

            assertThat(other.process.awaitExit(LiveKernel.LIMIT.toSeconds())).isTrue();
        }
    }

    @Test
    void stopsACellAtTheTimeLimit(@TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of("IJAVA_TIMEOUT", "5 SECONDS"))) {
            CellRun run = other.run("while (true) { }");

            assertThat(run.reply().get("evalue").getAsString()).contains("time limit of 5000 ms");
            assertThat(other.run("8").result()).contains("8");
        }
    }

    private JsonObject ask(String type, JsonObject content) throws Exception {
        return kernel.client.ask(Channel.SHELL, type, content, LiveKernel.LIMIT).content();
    }

    private List<String> history(JsonObject content) throws Exception {
        content.addProperty("output", false);
        content.addProperty("raw", true);
        return ask("history_request", content).getAsJsonArray("history").asList().stream()
                .map(row -> row.getAsJsonArray().get(2).getAsString())
                .toList();
    }

    private static JsonObject code(String code) {
        JsonObject content = new JsonObject();
        content.addProperty("code", code);
        return content;
    }
}
