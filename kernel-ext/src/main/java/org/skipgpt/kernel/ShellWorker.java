package org.skipgpt.kernel;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.skipgpt.kernel.cell.ThrownMessage;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.KernelSockets;
import org.skipgpt.kernel.wire.WireMessage;

/** Works off the shell channel in order, and aborts the cells that were queued behind one that failed. */
final class ShellWorker {
    private static final int BURST_MILLIS = 20;

    private record Arrived(WireMessage message, long nanos) {}

    private final KernelSockets sockets;
    private final String session;
    private final Publisher publisher;
    private final Requests requests;
    private final Consumer<WireMessage> shutdown;
    private final LinkedBlockingQueue<Arrived> queue = new LinkedBlockingQueue<>();
    private final Thread thread;
    private long abortArrivedBefore = Long.MIN_VALUE;

    /**
     * Makes a worker.
     *
     * @param shutdown ends the kernel, for a shutdown request on this channel
     */
    ShellWorker(
            KernelSockets sockets,
            String session,
            Publisher publisher,
            Requests requests,
            Consumer<WireMessage> shutdown) {
        this.sockets = sockets;
        this.session = session;
        this.publisher = publisher;
        this.requests = requests;
        this.shutdown = shutdown;
        this.thread = new Thread(this::work, "kernel-cells");
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    /** Takes a message from the socket thread. */
    void arrived(WireMessage message) {
        queue.add(new Arrived(message, System.nanoTime()));
    }

    private void work() {
        try {
            while (true) {
                Arrived next = queue.take();
                try {
                    handle(next);
                } catch (RuntimeException | Error e) {
                    // A heap that was full for a moment must not end the thread, or no later cell would get an answer.
                    KernelMain.log("the request " + next.message().type() + " failed", e);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void handle(Arrived arrived) throws InterruptedException {
        WireMessage request = arrived.message();
        String type = request.type();
        if (type.equals("execute_request")) {
            publisher.begin(request);
        }
        publisher.status(request, "busy");
        try {
            if (type.equals("execute_request")) {
                execute(arrived);
            } else if (type.equals("comm_open")) {
                refuseComm(request);
            } else {
                answer(request, type);
            }
        } finally {
            publisher.status(request, "idle");
        }
    }

    private void execute(Arrived arrived) throws InterruptedException {
        WireMessage request = arrived.message();
        JsonObject reply;
        if (arrived.nanos() - abortArrivedBefore < 0 && abortArrivedBefore != Long.MIN_VALUE) {
            reply = requests.aborted();
        } else {
            reply = executed(request);
            if (!reply.get("status").getAsString().equals("ok") && request.flag("stop_on_error", true)) {
                // A Run All comes as a burst; its last requests may still be on the way.
                Thread.sleep(BURST_MILLIS);
                abortArrivedBefore = System.nanoTime();
            }
        }
        try {
            publisher.end();
        } finally {
            sockets.send(Channel.SHELL, request.answer(session, "execute_reply", reply));
        }
    }

    private JsonObject executed(WireMessage request) {
        try {
            return requests.execute(request);
        } catch (RuntimeException | Error e) {
            return failure("execute_request", e);
        }
    }

    private static JsonObject failure(String type, Throwable e) {
        KernelMain.log("the request " + type + " failed", e);
        JsonObject error = Publisher.errorContent(e.getClass().getName(), ThrownMessage.of(e), List.of());
        error.addProperty("status", "error");
        return error;
    }

    private void answer(WireMessage request, String type) {
        Optional<JsonObject> content;
        try {
            content = content(request, type);
        } catch (RuntimeException | Error e) {
            content = Optional.of(failure(type, e));
        }
        content.ifPresent(
                reply -> sockets.send(Channel.SHELL, request.answer(session, Requests.replyType(type), reply)));
    }

    private Optional<JsonObject> content(WireMessage request, String type) {
        return switch (type) {
            case "kernel_info_request" -> Optional.of(requests.kernelInfo());
            case "complete_request" -> Optional.of(requests.complete(request));
            case "inspect_request" -> Optional.of(requests.inspect(request));
            case "is_complete_request" -> Optional.of(requests.isComplete(request));
            case "history_request" -> Optional.of(requests.history(request));
            case "comm_info_request" -> Optional.of(requests.commInfo());
            case "shutdown_request" -> {
                shutdown.accept(request);
                yield Optional.empty();
            }
            default -> Requests.refusal(type);
        };
    }

    // The protocol's answer to a comm whose target is not known.
    private void refuseComm(WireMessage request) {
        JsonObject content = new JsonObject();
        content.addProperty("comm_id", request.text("comm_id", ""));
        content.add("data", new JsonObject());
        publisher.publish(request, "comm_close", content);
    }
}
