package org.skipgpt.kernel.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.Codec;
import org.skipgpt.kernel.wire.Connection;
import org.skipgpt.kernel.wire.WireMessage;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** A front end without a face: sends requests to a kernel and collects what comes back. For one thread. */
public final class KernelClient implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(20);

    /**
     * After this long a connection without a handshake is made again, in milliseconds. JeroMQ 0.6.0 now and then forgets
     * to read from a new connection when a message is sent at the very moment it is made; its default heals that after
     * half a minute.
     */
    public static final int HANDSHAKE_MILLIS = 2_000;

    private final ZContext context = new ZContext(1);
    private final Map<Channel, ZMQ.Socket> sockets = new EnumMap<>(Channel.class);
    private final Map<Channel, Deque<WireMessage>> inboxes = new EnumMap<>(Channel.class);
    private final Codec codec;
    private final BooleanSupplier isAlive;
    private final String session = UUID.randomUUID().toString();

    /** Connects to a kernel; {@link #awaitReady} waits until it answers. */
    public KernelClient(Connection connection) {
        this(connection, () -> true);
    }

    /** Connects to a kernel whose process can be asked whether it lives: nobody waits for a dead one. */
    public KernelClient(Connection connection, BooleanSupplier isAlive) {
        this.isAlive = isAlive;
        codec = new Codec(connection.scheme(), connection.key());
        context.setLinger(0);
        byte[] identity = session.getBytes(UTF_8); // the input channel must carry the identity of the shell channel
        connect(Channel.SHELL, SocketType.DEALER, connection.address(connection.shell()), identity);
        connect(Channel.CONTROL, SocketType.DEALER, connection.address(connection.control()), identity);
        connect(Channel.STDIN, SocketType.DEALER, connection.address(connection.stdin()), identity);
        ZMQ.Socket iopub = connect(Channel.IOPUB, SocketType.SUB, connection.address(connection.iopub()), identity);
        iopub.subscribe(ZMQ.SUBSCRIPTION_ALL);
    }

    /** Waits until the kernel answers and its outputs arrive. */
    public JsonObject awaitReady(Duration limit) throws TimeoutException {
        long end = System.nanoTime() + limit.toNanos();
        while (System.nanoTime() - end < 0 && isAlive.getAsBoolean()) {
            WireMessage request = request(Channel.SHELL, "kernel_info_request", new JsonObject());
            Optional<WireMessage> reply = find(Channel.SHELL, Duration.ofSeconds(1), answers(request));
            if (reply.isPresent()
                    && find(Channel.IOPUB, Duration.ofSeconds(1), answers(request))
                            .isPresent()) {
                drain(Channel.IOPUB, Duration.ofMillis(50));
                inbox(Channel.SHELL).clear();
                return reply.get().content();
            }
        }
        throw new TimeoutException("the kernel did not answer within " + limit.toSeconds() + " s; see its log");
    }

    /** Sends a request and waits for its reply. */
    public WireMessage ask(Channel channel, String type, JsonObject content, Duration limit) throws TimeoutException {
        WireMessage request = request(channel, type, content);
        return await(channel, limit, answers(request));
    }

    /** Sends a request and does not wait. */
    public WireMessage request(Channel channel, String type, JsonObject content) {
        WireMessage request = WireMessage.of(session, type, content);
        send(channel, request);
        return request;
    }

    /** Sends a message as it is. */
    public void send(Channel channel, WireMessage message) {
        sendFrames(channel, codec.encode(message));
    }

    /** Sends raw frames, valid or not. */
    public void sendFrames(Channel channel, List<byte[]> frames) {
        ZMQ.Socket socket = socket(channel);
        for (int i = 0; i < frames.size(); i++) {
            socket.send(frames.get(i), i < frames.size() - 1 ? ZMQ.SNDMORE : 0);
        }
    }

    /** Sends code to run and does not wait. */
    public WireMessage executeLater(String code, boolean stopOnError) {
        return executeLater(code, stopOnError, true);
    }

    /** Sends code to run, by a front end that may take no input, and does not wait. */
    public WireMessage executeLater(String code, boolean stopOnError, boolean takesInput) {
        JsonObject content = new JsonObject();
        content.addProperty("code", code);
        content.addProperty("silent", false);
        content.addProperty("store_history", true);
        content.add("user_expressions", new JsonObject());
        content.addProperty("allow_stdin", takesInput);
        content.addProperty("stop_on_error", stopOnError);
        return request(Channel.SHELL, "execute_request", content);
    }

    /** Runs code and waits for all its outputs. */
    public CellRun execute(String code, Duration limit) throws TimeoutException {
        return await(executeLater(code, true), limit, prompt -> "");
    }

    /**
     * Waits for a cell that was sent before.
     *
     * @param input answers the cell's questions
     */
    public CellRun await(WireMessage request, Duration limit, Function<String, String> input) throws TimeoutException {
        long end = System.nanoTime() + limit.toNanos();
        List<WireMessage> published = new ArrayList<>();
        Optional<WireMessage> reply = Optional.empty();
        boolean isIdle = false;
        while (reply.isEmpty() || !isIdle) {
            if (System.nanoTime() - end > 0) {
                throw new TimeoutException("the cell did not end within " + limit.toSeconds() + " s");
            }
            if (!isAlive.getAsBoolean()) {
                throw new KernelGoneException();
            }
            Optional<WireMessage> output = find(Channel.IOPUB, POLL, answers(request));
            if (output.isPresent() && output.get().type().equals("status")) {
                isIdle = output.get().text("execution_state", "").equals("idle");
            } else {
                output.ifPresent(published::add);
            }
            if (reply.isEmpty()) {
                reply = find(Channel.SHELL, Duration.ZERO, answers(request));
            }
            find(Channel.STDIN, Duration.ZERO, answers(request)).ifPresent(question -> answer(question, input));
        }
        return new CellRun(reply.get().text("status", ""), reply.get().content(), published);
    }

    /** Interrupts what runs. */
    public void interrupt(Duration limit) throws TimeoutException {
        ask(Channel.CONTROL, "interrupt_request", new JsonObject(), limit);
    }

    /** Asks the kernel to end. */
    public void shutdown(boolean isRestart, Duration limit) throws TimeoutException {
        JsonObject content = new JsonObject();
        content.addProperty("restart", isRestart);
        ask(Channel.CONTROL, "shutdown_request", content, limit);
    }

    /** Everything that arrives on a channel until it is quiet. */
    public List<WireMessage> drain(Channel channel, Duration quiet) {
        List<WireMessage> all = new ArrayList<>();
        Optional<WireMessage> next = find(channel, quiet, message -> true);
        while (next.isPresent()) {
            all.add(next.get());
            next = find(channel, quiet, message -> true);
        }
        return all;
    }

    @Override
    public void close() {
        context.close();
    }

    /** A test of messages. */
    @FunctionalInterface
    public interface Test {
        /** Whether this is a message looked for. */
        boolean fits(WireMessage message);
    }

    /** Takes the first message on a channel that fits; others stay for later. */
    public Optional<WireMessage> find(Channel channel, Duration limit, Test test) {
        Deque<WireMessage> inbox = inbox(channel);
        Optional<WireMessage> found = inbox.stream().filter(test::fits).findFirst();
        long end = System.nanoTime() + limit.toNanos();
        while (found.isEmpty()) {
            long left = Math.max(0, (end - System.nanoTime()) / 1_000_000);
            ZMQ.Socket socket = socket(channel);
            socket.setReceiveTimeOut((int) left);
            byte[] first = socket.recv();
            if (first == null) {
                return Optional.empty();
            }
            List<byte[]> frames = new ArrayList<>(List.of(first));
            while (socket.hasReceiveMore()) {
                frames.add(socket.recv());
            }
            WireMessage message = codec.decode(frames);
            inbox.add(message);
            found = Optional.of(message).filter(test::fits);
        }
        inbox.remove(found.get());
        return found;
    }

    private WireMessage await(Channel channel, Duration limit, Test test) throws TimeoutException {
        return find(channel, limit, test)
                .orElseThrow(() -> new TimeoutException("no answer within " + limit.toSeconds() + " s"));
    }

    private void answer(WireMessage question, Function<String, String> input) {
        JsonObject content = new JsonObject();
        content.addProperty("value", input.apply(question.text("prompt", "")));
        send(Channel.STDIN, question.to(List.of()).answer(session, "input_reply", content));
    }

    private static Test answers(WireMessage request) {
        return message -> message.parentId().equals(request.id());
    }

    private ZMQ.Socket connect(Channel channel, SocketType type, String address, byte[] identity) {
        ZMQ.Socket socket = context.createSocket(type);
        socket.setIdentity(identity);
        socket.setRcvHWM(0);
        socket.setHandshakeIvl(HANDSHAKE_MILLIS);
        socket.connect(address);
        sockets.put(channel, socket);
        inboxes.put(channel, new ArrayDeque<>());
        return socket;
    }

    private ZMQ.Socket socket(Channel channel) {
        return Objects.requireNonNull(sockets.get(channel));
    }

    private Deque<WireMessage> inbox(Channel channel) {
        return Objects.requireNonNull(inboxes.get(channel));
    }
}
