package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.LinkedBlockingQueue;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.KernelSockets;
import org.skipgpt.kernel.wire.WireMessage;

/** Asks the reader of a notebook for a line of input; as a stream it is {@code System.in}. */
final class Prompt extends InputStream {
    private final KernelSockets sockets;
    private final String session;
    private final Publisher publisher;
    private final LinkedBlockingQueue<WireMessage> replies = new LinkedBlockingQueue<>();
    private byte[] line = new byte[0];
    private int at;
    private volatile boolean isStale;

    Prompt(KernelSockets sockets, String session, Publisher publisher) {
        this.sockets = sockets;
        this.session = session;
        this.publisher = publisher;
    }

    /** Takes an answer from the input channel. */
    void answered(WireMessage reply) {
        if (reply.type().equals("input_reply")) {
            replies.add(reply);
        }
    }

    /** Forgets what an earlier cell left unread. */
    void forget() {
        replies.clear();
        isStale = true; // no lock: a thread of that cell may still wait for input
    }

    /**
     * Asks for one line.
     *
     * @param prompt shown before the input field
     * @param password whether the input is hidden
     * @throws IllegalStateException where the front end takes no input; a {@link java.util.Scanner} would keep an
     *     IOException to itself
     */
    String ask(String prompt, boolean password) throws IOException {
        WireMessage request = publisher.parent();
        if (!request.flag("allow_stdin", false)) {
            throw new IllegalStateException(
                    "this front end takes no input; run the cell in one that does, or set the value in code");
        }
        publisher.flush();
        replies.clear();
        JsonObject content = new JsonObject();
        content.addProperty("prompt", prompt);
        content.addProperty("password", password);
        sockets.send(Channel.STDIN, request.answer(session, "input_request", content));
        try {
            return replies.take().text("value", "");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException stopped = new InterruptedIOException("interrupted while waiting for input");
            stopped.initCause(e);
            throw stopped;
        }
    }

    @Override
    public synchronized int read() throws IOException {
        fill();
        return line[at++] & 0xff;
    }

    @Override
    public synchronized int read(byte[] target, int from, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        fill();
        int count = Math.min(length, line.length - at);
        System.arraycopy(line, at, target, from, count);
        at += count;
        return count;
    }

    @Override
    public synchronized int available() {
        return isStale ? 0 : line.length - at;
    }

    private void fill() throws IOException {
        if (isStale || at >= line.length) {
            isStale = false;
            line = (ask("", false) + "\n").getBytes(UTF_8);
            at = 0;
        }
    }
}
