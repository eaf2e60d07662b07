package org.skipgpt.kernel.wire;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import zmq.Msg;

/**
 * The kernel's end of the wire: five sockets, all owned by one thread.
 *
 * <p>Cells send from threads that may carry an interrupt, and an interrupted thread that touches a JeroMQ socket closes
 * its pipes for good. So senders only fill a queue; a courier thread of our own carries the messages to the socket thread.
 * The one queue also keeps the order of messages across channels.
 */
public final class KernelSockets implements AutoCloseable {
    private static final String COURIER = "inproc://courier";
    private static final int LINGER_MILLIS = 1000;

    // Anyone on this machine can reach a port, key or none; these bounds keep what arrives from ending the kernel.
    private static final long MAX_REQUEST_BYTES = 64L << 20;
    private static final long MAX_SUBSCRIPTION_BYTES = 512; // the library walks through a topic by recursion
    private static final long MAX_HEARTBEAT_BYTES = 64L << 10;
    private static final long UNBOUNDED = -1;
    private static final int MAX_FRAMES = 1024;
    private static final int MAX_ECHOED_FRAMES = 8;
    private static final int LOGGED_FAULTS = 20;
    private static final int LOG_EVERY = 10_000;

    private record Outgoing(Channel channel, List<byte[]> frames) {}

    private final ZContext context = new ZContext(1);
    private final Map<Channel, ZMQ.Socket> sockets = new EnumMap<>(Channel.class);
    private final ZMQ.Socket heartbeat;
    private final ZMQ.Socket inbox;
    private final Codec codec;
    private final String session;
    private final BiConsumer<Channel, WireMessage> receiver;
    private final Consumer<String> log;
    private final LinkedBlockingQueue<Optional<Outgoing>> outgoing = new LinkedBlockingQueue<>();
    private long faults;
    private boolean isOpen = true; // for the socket thread
    private final Thread socketThread;
    private final Thread courier;

    /**
     * Binds the sockets; {@link #start()} begins to receive.
     *
     * @param connection addresses and key
     * @param session id of this kernel's session
     * @param receiver takes each valid message on the socket thread; must not block
     * @param log takes a line for each message that was dropped
     */
    public KernelSockets(
            Connection connection, String session, BiConsumer<Channel, WireMessage> receiver, Consumer<String> log) {
        this.codec = new Codec(connection.scheme(), connection.key());
        this.session = session;
        this.receiver = receiver;
        this.log = log;
        context.setLinger(LINGER_MILLIS);
        String shell = connection.address(connection.shell());
        sockets.put(Channel.SHELL, bind(SocketType.ROUTER, shell, MAX_REQUEST_BYTES));
        String control = connection.address(connection.control());
        sockets.put(Channel.CONTROL, bind(SocketType.ROUTER, control, MAX_REQUEST_BYTES));
        String stdin = connection.address(connection.stdin());
        sockets.put(Channel.STDIN, bind(SocketType.ROUTER, stdin, MAX_REQUEST_BYTES));
        String iopub = connection.address(connection.iopub());
        sockets.put(Channel.IOPUB, bind(SocketType.XPUB, iopub, MAX_SUBSCRIPTION_BYTES));
        // A router, as a socket that replies would want each message whole before it answers.
        heartbeat = bind(SocketType.ROUTER, connection.address(connection.heartbeat()), MAX_HEARTBEAT_BYTES);
        inbox = bind(SocketType.PULL, COURIER, UNBOUNDED);
        socketThread = new Thread(this::serve, "kernel-sockets");
        courier = new Thread(this::carry, "kernel-courier");
        courier.setDaemon(true);
    }

    /** Begins to receive and to send. */
    public void start() {
        socketThread.start();
        courier.start();
    }

    /** Sends a message; returns at once, from any thread. */
    public void send(Channel channel, WireMessage message) {
        outgoing.add(Optional.of(new Outgoing(channel, codec.encode(message))));
    }

    /** Sends what is queued, then closes the sockets. */
    @Override
    public void close() {
        outgoing.add(Optional.empty());
        try {
            socketThread.join(2 * LINGER_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    // A size with its highest bit set passes the library's own check, and would leave its thread in a loop for ever.
    private ZMQ.Socket bind(SocketType type, String address, long maxBytes) {
        ZMQ.Socket socket = context.createSocket(type);
        socket.setMaxMsgSize(maxBytes);
        socket.setMsgAllocator(size -> new Msg(size < 0 || (maxBytes >= 0 && size > maxBytes) ? 0 : size));
        socket.setIPv6(address.contains("["));
        socket.setLinger(LINGER_MILLIS);
        socket.setSndHWM(0); // a full queue would drop outputs
        socket.setRcvHWM(0);
        socket.bind(address);
        return socket;
    }

    private ZMQ.Socket socket(Channel channel) {
        return Objects.requireNonNull(sockets.get(channel));
    }

    private void carry() {
        try (ZMQ.Socket push = context.createSocket(SocketType.PUSH)) {
            push.connect(COURIER);
            while (true) {
                Optional<Outgoing> next = outgoing.take();
                if (next.isEmpty()) {
                    push.send(new byte[0]);
                    return;
                }
                List<byte[]> frames = next.get().frames();
                push.sendMore(next.get().channel().name());
                for (int i = 0; i < frames.size(); i++) {
                    push.send(frames.get(i), i < frames.size() - 1 ? ZMQ.SNDMORE : 0);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void serve() {
        List<Channel> channels = List.of(Channel.CONTROL, Channel.SHELL, Channel.STDIN, Channel.IOPUB);
        try (ZMQ.Poller poller = context.createPoller(6)) {
            poller.register(inbox, ZMQ.Poller.POLLIN);
            poller.register(heartbeat, ZMQ.Poller.POLLIN);
            for (Channel channel : channels) {
                poller.register(sockets.get(channel), ZMQ.Poller.POLLIN);
            }
            while (isOpen && poller.poll() >= 0) {
                if (poller.pollin(1)) {
                    safely("heartbeat", this::echo);
                }
                for (int i = 0; i < channels.size(); i++) {
                    Channel channel = channels.get(i);
                    if (poller.pollin(i + 2)) {
                        safely(channel + " channel", () -> receive(channel));
                    }
                }
                if (poller.pollin(0)) {
                    safely("way to the sockets", this::forward);
                }
            }
        } finally {
            context.close();
        }
    }

    private void forward() {
        List<byte[]> frames = frames(inbox, Integer.MAX_VALUE);
        isOpen = frames.get(0).length > 0;
        if (isOpen) {
            send(socket(Channel.valueOf(new String(frames.get(0), UTF_8))), frames.subList(1, frames.size()));
        }
    }

    /** No message, however made, may end the thread that owns the sockets. */
    private void safely(String place, Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) { // a full heap among them: it may have room again for the next message
            faults++;
            if (faults <= LOGGED_FAULTS || faults % LOG_EVERY == 0) {
                log.accept("dropped a message on the " + place + ": " + e.getMessage()
                        + (faults < LOGGED_FAULTS ? "" : " (" + faults + " so far; not all are logged)"));
            }
        }
    }

    private void echo() {
        List<byte[]> frames = frames(heartbeat, MAX_ECHOED_FRAMES);
        send(heartbeat, frames);
    }

    private void receive(Channel channel) {
        List<byte[]> frames = frames(socket(channel), MAX_FRAMES);
        if (channel == Channel.IOPUB) {
            welcome(frames.get(0));
        } else {
            receiver.accept(channel, codec.decodeOnce(frames));
        }
    }

    // Protocol 5.4: a new subscriber is greeted, so that it knows that no output can be missed from here on.
    private void welcome(byte[] subscription) {
        if (subscription.length == 0 || subscription[0] != 1) {
            return;
        }
        String topic = new String(subscription, 1, subscription.length - 1, UTF_8);
        JsonObject content = new JsonObject();
        content.addProperty("subscription", topic);
        WireMessage message = WireMessage.of(session, "iopub_welcome", content)
                .to(List.of((topic.isEmpty() ? "iopub_welcome" : topic).getBytes(UTF_8)));
        send(socket(Channel.IOPUB), codec.encode(message));
    }

    /** All frames of a message; one with too many is read to its end and refused. */
    private static List<byte[]> frames(ZMQ.Socket socket, int max) {
        List<byte[]> frames = new ArrayList<>();
        int count = 0;
        do {
            byte[] frame = socket.recv();
            count++;
            if (count <= max) {
                frames.add(frame);
            }
        } while (socket.hasReceiveMore());
        if (count > max) {
            throw new WireException("it has " + count + " frames; at most " + max + " are allowed here");
        }
        return frames;
    }

    private static void send(ZMQ.Socket socket, List<byte[]> frames) {
        for (int i = 0; i < frames.size(); i++) {
            socket.send(frames.get(i), i < frames.size() - 1 ? ZMQ.SNDMORE : 0);
        }
    }
}
