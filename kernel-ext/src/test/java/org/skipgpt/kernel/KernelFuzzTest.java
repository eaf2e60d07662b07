package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.client.KernelClient;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.Codec;
import org.skipgpt.kernel.wire.Connection;
import org.skipgpt.kernel.wire.WireMessage;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** Random and mutated messages to all five ports; a few thousand in the build, -Dskipgpt.fuzz=1000000 by hand. */
class KernelFuzzTest {
    private static final int COUNT = Integer.getInteger("skipgpt.fuzz", 4_000);
    private static final int MESSAGES_A_CONNECTION = 40;
    private static final int CONNECTIONS_A_CHECK = 50;

    /** One in so many has the right signature, as each of those is answered. */
    private static final int SIGNED_ONE_IN = 100;

    // without those whose right effect would end the session or what the test itself runs: shutdown and interrupt
    private static final List<String> TYPES = List.of(
            "execute_request",
            "complete_request",
            "inspect_request",
            "is_complete_request",
            "history_request",
            "kernel_info_request",
            "comm_info_request",
            "comm_open",
            "comm_msg",
            "debug_request",
            "input_reply",
            "create_subshell_request",
            "nothing_request");
    private static final List<String> FIELDS = List.of(
            "code",
            "cursor_pos",
            "detail_level",
            "silent",
            "store_history",
            "user_expressions",
            "hist_access_type",
            "n",
            "session",
            "start",
            "stop",
            "pattern",
            "comm_id",
            "target_name",
            "command",
            "arguments",
            "seq",
            "value");
    private static final List<String> VALUES = List.of(
            "null",
            "true",
            "-1",
            "3",
            "1e308",
            "2147483648",
            "\"\"",
            "\"x\"",
            "\"\\ud800\"",
            "\"Math.\"",
            "\"%load /\"",
            "\"tail\"",
            "\"search\"",
            "\"(((((\"",
            "\"variables\"",
            "[]",
            "{}",
            "{\"a\": {\"b\": [1]}}",
            "[[[[]]]]");

    private final Random random = new Random(7);

    @Test
    void everyPortSurvivesRandomAndMutatedMessages(@TempDir Path folder) throws Exception {
        try (LiveKernel kernel = LiveKernel.start(folder, Map.of())) {
            Connection connection = kernel.process.connection();
            List<Integer> ports = List.of(
                    connection.shell(),
                    connection.control(),
                    connection.stdin(),
                    connection.iopub(),
                    connection.heartbeat());
            assertThat(kernel.run("int delivered = 0;").status()).isEqualTo("ok");
            int checks = 0;
            int sent = 0;
            while (sent < COUNT) {
                for (int i = 0; i < CONNECTIONS_A_CHECK && sent < COUNT; i++) {
                    attack(connection, ports.get(random.nextInt(ports.size())));
                    sent += MESSAGES_A_CONNECTION;
                }
                checks++;
                assertLives(kernel, checks);
                if (checks % 10 == 0) {
                    System.out.println("lives after " + sent + " of " + COUNT + " messages"); // at once
                }
            }
        }
    }

    private void attack(Connection connection, int port) throws Exception {
        if (random.nextInt(5) == 0) {
            RawWire.deliver(port, bytes(1 + random.nextInt(200)));
        }
        ByteArrayOutputStream messages = messages(connection);
        if (random.nextInt(5) == 0) {
            messages.write(bytes(50)); // no frames any more
        }
        String type = port == connection.iopub() ? "SUB" : "DEALER";
        RawWire.deliver(port, type, messages.toByteArray());
    }

    private ByteArrayOutputStream messages(Connection connection) throws Exception {
        List<byte[]> valid = new Codec(connection.scheme(), connection.key())
                .encode(WireMessage.of("client", "kernel_info_request", new JsonObject()));
        ByteArrayOutputStream messages = new ByteArrayOutputStream();
        for (int i = 0; i < MESSAGES_A_CONNECTION; i++) {
            boolean isSigned = random.nextInt(SIGNED_ONE_IN) == 0;
            RawWire.append(isSigned ? signed(connection.key()) : mutated(valid), messages);
        }
        return messages;
    }

    /**
     * The kernel answers on shell, control and heartbeat. A cell that stands behind mutated messages in one connection has
     * run, so those were read and not lost on the way.
     */
    private void assertLives(LiveKernel kernel, int checks) throws Exception {
        Connection connection = kernel.process.connection();
        JsonObject content = new JsonObject();
        content.addProperty("code", "delivered++;");
        ByteArrayOutputStream messages = messages(connection);
        RawWire.append(
                new Codec(connection.scheme(), connection.key())
                        .encode(WireMessage.of("client", "execute_request", content)),
                messages);
        RawWire.deliver(connection.shell(), "DEALER", messages.toByteArray());
        long end = System.nanoTime() + LiveKernel.LIMIT.toNanos();
        Optional<String> delivered = kernel.run("delivered").result();
        while (!delivered.equals(Optional.of(String.valueOf(checks))) && System.nanoTime() < end) {
            Thread.sleep(20);
            delivered = kernel.run("delivered").result();
        }
        assertThat(delivered).contains(String.valueOf(checks));
        kernel.client.ask(Channel.CONTROL, "kernel_info_request", new JsonObject(), LiveKernel.LIMIT);
        try (ZContext context = new ZContext();
                ZMQ.Socket request = context.createSocket(SocketType.REQ)) {
            request.setReceiveTimeOut(Math.toIntExact(LiveKernel.LIMIT.toMillis()));
            request.setLinger(0);
            request.setHandshakeIvl(KernelClient.HANDSHAKE_MILLIS);
            request.connect(connection.address(connection.heartbeat()));
            request.send("ping");
            assertThat(request.recvStr()).isEqualTo("ping");
        }
    }

    private List<byte[]> mutated(List<byte[]> valid) {
        List<byte[]> frames = new ArrayList<>(valid);
        int at = random.nextInt(frames.size());
        byte[] changed = frames.get(at).clone();
        switch (random.nextInt(6)) {
            case 0 -> frames.remove(at);
            case 1 -> frames.add(at, bytes(random.nextInt(300)));
            case 2 -> frames = List.of(bytes(random.nextInt(2_000)));
            case 3 -> frames.set(at, new byte[0]);
            case 4 -> frames.set(at, "[".repeat(random.nextInt(50_000)).getBytes(UTF_8));
            default -> {
                if (changed.length > 0) {
                    changed[random.nextInt(changed.length)] = (byte) random.nextInt();
                }
                frames.set(at, changed);
            }
        }
        return frames;
    }

    /** A message whose signature is right and whose parts are not what a front end would send. */
    private List<byte[]> signed(String key) throws Exception {
        String type = TYPES.get(random.nextInt(TYPES.size()));
        StringBuilder content = new StringBuilder("{\"stop_on_error\": false"); // else it aborts the test's own cells
        for (int i = random.nextInt(6); i > 0; i--) {
            content.append(", \"").append(any(FIELDS)).append("\": ").append(any(VALUES));
        }
        String header = "{\"msg_id\": \"" + random.nextLong() + "\", \"msg_type\": \"" + type + "\", \"session\": "
                + any(VALUES) + "}";
        List<String> parts = new ArrayList<>(List.of(header, "{}", "{}", content + "}"));
        if (random.nextInt(3) == 0) {
            String odd = random.nextBoolean() ? "{\"a\":".repeat(20_000) : any(VALUES);
            parts.set(random.nextInt(3), odd);
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key.getBytes(UTF_8), "HmacSHA256"));
        parts.forEach(part -> mac.update(part.getBytes(UTF_8)));
        List<byte[]> frames = new ArrayList<>();
        frames.add("<IDS|MSG>".getBytes(UTF_8));
        frames.add(HexFormat.of().formatHex(mac.doFinal()).getBytes(UTF_8));
        parts.forEach(part -> frames.add(part.getBytes(UTF_8)));
        return frames;
    }

    private String any(List<String> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    private byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }
}
