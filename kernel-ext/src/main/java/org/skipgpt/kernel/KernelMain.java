package org.skipgpt.kernel;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.ThrownMessage;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.Connection;
import org.skipgpt.kernel.wire.KernelSockets;
import org.skipgpt.kernel.wire.WireMessage;

/**
 * Runs the kernel: {@code java -cp ... org.skipgpt.kernel.KernelMain connection-file}.
 *
 * <p>A front end starts it from the kernelspec that {@link KernelSpec} writes.
 */
public final class KernelMain {
    private static final int EXIT_LIMIT_MILLIS = 5000;
    private static final PrintStream TERMINAL = System.err;

    private final String session = UUID.randomUUID().toString();
    private final KernelSockets sockets;
    private final Publisher publisher;
    private final Prompt prompt;
    private final JavaKernel kernel;
    private final Requests requests;
    private final ShellWorker shell;
    private final DebugRequests debug;
    private final LinkedBlockingQueue<WireMessage> control = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<WireMessage> debugging = new LinkedBlockingQueue<>();

    private KernelMain(Connection connection) {
        sockets = new KernelSockets(connection, session, this::received, line -> log(line, null));
        publisher = new Publisher(sockets, session);
        prompt = new Prompt(sockets, session, publisher);
        History history = new History();
        kernel = new JavaKernel(publisher, prompt, history);
        debug = new DebugRequests(kernel);
        requests = new Requests(kernel, publisher, prompt, history);
        shell = new ShellWorker(sockets, session, publisher, requests, this::shutdownFromShell);
    }

    /**
     * Starts the kernel and returns; it ends with a shutdown request or with the process that started it.
     *
     * @param arguments the connection file
     */
    public static void main(String[] arguments) throws IOException {
        FutureTask<CellEngine> engine = new FutureTask<>(() -> Startup.engine(System.getenv()));
        if (arguments.length == 0 || arguments[0].startsWith("-")) {
            TERMINAL.println("usage: KernelMain CONNECTION_FILE (a Jupyter front end passes it; see kernel.json)");
            System.exit(2);
        }
        thread("kernel-engine", engine).start(); // first, as the first result waits for it
        if (arguments.length > 1) { // e.g. by "jupyter run FILE", which runs the file itself
            log("ignored the arguments " + List.of(arguments).subList(1, arguments.length), null);
        }
        Path file = Path.of(arguments[0]);
        Connection connection = Connection.read(file);
        if (Connection.isOpenToOthers(file)) {
            log("other users can read " + file + " and with its key run code as you: chmod 600 it", null);
        }
        if (!connection.transport().equals("tcp")) {
            TERMINAL.println("transport '" + connection.transport() + "' is not supported: expected tcp; "
                    + "start the front end with the tcp transport");
            System.exit(2);
        }
        new KernelMain(connection).run(engine);
    }

    /** Writes a line to the terminal of the front end's server, never into a notebook. */
    static void log(String line, @Nullable Throwable cause) {
        TERMINAL.println("[java kernel] " + line);
        if (cause != null) {
            try {
                cause.printStackTrace(TERMINAL);
            } catch (RuntimeException | Error e) { // the exception's own text is a cell's
                TERMINAL.println(cause.getClass().getName() + ": " + ThrownMessage.of(cause));
            }
        }
    }

    private void run(Future<CellEngine> engine) {
        LogLines.install(TERMINAL);
        System.setOut(PrintedBytes.stream(text -> printed("stdout", text)));
        System.setErr(PrintedBytes.stream(text -> printed("stderr", text)));
        System.setIn(prompt);
        JsonObject starting = new JsonObject();
        starting.addProperty("execution_state", "starting");
        sockets.start();
        publisher.publish(publisher.parent(), "status", starting);
        shell.start();
        thread("kernel-control", () -> work(control, this::answerControl)).start();
        // apart, as it waits where the compiler is busy, and an interrupt must not
        thread("kernel-variables", () -> work(debugging, this::answerDebug)).start();
        thread("kernel-start", () -> Startup.run(kernel, engine, System.getenv()))
                .start();
        endWithParent();
    }

    // A cell that was given up goes on printing; its lines are none of the cells that follow.
    private void printed(String stream, String text) {
        if (CellEngine.isGivenUp(Thread.currentThread())) {
            TERMINAL.print(text);
        } else {
            publisher.print(stream, text);
        }
    }

    private void received(Channel channel, WireMessage message) {
        switch (channel) {
            case SHELL -> shell.arrived(message);
            case CONTROL -> (message.type().equals("debug_request") ? debugging : control).add(message);
            case STDIN -> prompt.answered(message);
            case IOPUB -> {}
        }
    }

    private static void work(BlockingQueue<WireMessage> queue, Consumer<WireMessage> answer) {
        while (true) {
            WireMessage request;
            try {
                request = queue.take();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            try {
                answer.accept(request);
            } catch (RuntimeException | Error e) { // the thread must go on answering
                log("the request " + request.type() + " failed", e);
            }
        }
    }

    private void answerControl(WireMessage request) {
        publisher.status(request, "busy");
        switch (request.type()) {
            case "interrupt_request" -> {
                kernel.interrupt();
                reply(request, "interrupt_reply", Requests.ok());
            }
            case "kernel_info_request" -> reply(request, "kernel_info_reply", requests.kernelInfo());
            case "shutdown_request" -> shutdown(request, Channel.CONTROL);
            default ->
                Requests.refusal(request.type())
                        .ifPresent(answer -> reply(request, Requests.replyType(request.type()), answer));
        }
        publisher.status(request, "idle");
    }

    private void answerDebug(WireMessage request) {
        publisher.status(request, "busy");
        reply(request, "debug_reply", debug.answer(request));
        publisher.status(request, "idle");
    }

    private void reply(WireMessage request, String type, JsonObject content) {
        sockets.send(Channel.CONTROL, request.answer(session, type, content));
    }

    private void shutdownFromShell(WireMessage request) {
        shutdown(request, Channel.SHELL);
    }

    private void shutdown(WireMessage request, Channel channel) {
        boolean isRestart = request.flag("restart", false);
        exitWithin();
        kernel.onShutdown(isRestart);
        JsonObject content = Requests.ok();
        content.addProperty("restart", isRestart);
        sockets.send(channel, request.answer(session, "shutdown_reply", content));
        publisher.publish(request, "shutdown_reply", content);
        publisher.status(request, "idle");
        sockets.close();
        System.exit(0);
    }

    /** Ends the process even where a shutdown hook of the user's code hangs. */
    private static void exitWithin() {
        thread("kernel-exit", () -> {
                    try {
                        Thread.sleep(EXIT_LIMIT_MILLIS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                    Runtime.getRuntime().halt(0);
                })
                .start();
    }

    // Jupyter names the process that starts a kernel; when that one is killed nobody can send a shutdown request.
    private void endWithParent() {
        Optional.ofNullable(System.getenv("JPY_PARENT_PID"))
                .flatMap(KernelMain::number)
                .map(ParentWatch::new)
                .ifPresent(parent -> thread("kernel-parent", () -> {
                            parent.awaitEnd();
                            log("the process that started this kernel has ended; so does the kernel", null);
                            exitWithin();
                            kernel.onShutdown(false);
                            System.exit(0);
                        })
                        .start());
    }

    private static Optional<Long> number(String text) {
        return text.matches("\\d{1,18}") ? Optional.of(Long.valueOf(text)) : Optional.empty();
    }

    private static Thread thread(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        return thread;
    }
}
