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
        sockets.put(Channel.SHELL, bind(SocketType.ROUTER, connection.address(connection.shell())));
        sockets.put(Channel.CONTROL, bind(SocketType.ROUTER, connection.address(connection.control())));
        sockets.put(Channel.STDIN, bind(SocketType.ROUTER, connection.address(connection.stdin())));
        sockets.put(Channel.IOPUB, bind(SocketType.XPUB, connection.address(connection.iopub())));
        heartbeat = bind(SocketType.REP, connection.address(connection.heartbeat()));
        inbox = bind(SocketType.PULL, COURIER);
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

    private ZMQ.Socket bind(SocketType type, String address) {
        ZMQ.Socket socket = context.createSocket(type);
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
            while (poller.poll() >= 0) {
                if (poller.pollin(1)) {
                    heartbeat.send(heartbeat.recv());
                }
                for (int i = 0; i < channels.size(); i++) {
                    if (poller.pollin(i + 2)) {
                        receive(channels.get(i));
                    }
                }
                if (poller.pollin(0) && !forward()) {
                    break;
                }
            }
        } finally {
            context.close();
        }
    }

    private boolean forward() {
        List<byte[]> frames = frames(inbox);
        if (frames.get(0).length == 0) {
            return false;
        }
        send(socket(Channel.valueOf(new String(frames.get(0), UTF_8))), frames.subList(1, frames.size()));
        return true;
    }

    private void receive(Channel channel) {
        List<byte[]> frames = frames(socket(channel));
        if (channel == Channel.IOPUB) {
            welcome(frames.get(0));
            return;
        }
        try {
            receiver.accept(channel, codec.decode(frames));
        } catch (RuntimeException e) {
            log.accept("dropped a message on the " + channel + " channel: " + e.getMessage());
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

    private static List<byte[]> frames(ZMQ.Socket socket) {
        List<byte[]> frames = new ArrayList<>();
        do {
            frames.add(socket.recv());
        } while (socket.hasReceiveMore());
        return frames;
    }

    private static void send(ZMQ.Socket socket, List<byte[]> frames) {
        for (int i = 0; i < frames.size(); i++) {
            socket.send(frames.get(i), i < frames.size() - 1 ? ZMQ.SNDMORE : 0);
        }
    }
}
