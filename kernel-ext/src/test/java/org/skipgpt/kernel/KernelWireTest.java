package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.client.KernelClient;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.Connection;
import org.skipgpt.kernel.wire.KernelSockets;
import org.skipgpt.kernel.wire.WireMessage;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/** Whatever arrives on a port, the kernel lives; what it does not offer it refuses by name. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelWireTest {
    private LiveKernel kernel;
    private Connection connection;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        kernel = LiveKernel.start(folder, Map.of());
        connection = kernel.process.connection();
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @Test
    void aHeartbeatOfSeveralFramesIsAnswered() throws Exception {
        try (ZContext context = new ZContext();
                ZMQ.Socket dealer = dealer(context, SocketType.DEALER, connection.heartbeat())) {
            for (String frame : List.of("", "a")) {
                dealer.sendMore(frame.getBytes(UTF_8));
            }
            dealer.send("b".getBytes(UTF_8));

            assertThat(dealer.recvStr()).isEmpty();
            assertThat(dealer.recvStr()).isEqualTo("a");
            assertThat(dealer.recvStr()).isEqualTo("b");
        }
        assertLives();
    }

    @Test
    void aSubscriptionOfAnyLengthDoesNoHarm() throws Exception {
        for (int length : new int[] {300, 100_000, 5_000_000}) {
            byte[] topic = new byte[length];
            topic[0] = 1;
            ByteBuffer header = ByteBuffer.allocate(9).put((byte) 2).putLong(length);
            RawWire.deliver(connection.iopub(), "SUB", header.array(), topic);
        }
        assertLives();
    }

    /** The size of a frame as a negative number. */
    @Test
    void aFrameOfImpossibleSizeDoesNoHarm() throws Exception {
        for (int port : List.of(connection.shell(), connection.control(), connection.iopub())) {
            ByteBuffer header = ByteBuffer.allocate(9).put((byte) 2).putLong(-570406116L);
            RawWire.deliver(port, "DEALER", header.array(), new byte[100]);
        }
        assertLives();
    }

    /** A message that was overheard must not run again. */
    @Test
    void aReplayedMessageDoesNotRunAgain() throws Exception {
        kernel.run("int times = 0;");
        JsonObject content = new JsonObject();
        content.addProperty("code", "times++;");
        WireMessage once = WireMessage.of("client", "execute_request", content);
        kernel.client.send(Channel.SHELL, once);
        kernel.await(once);
        kernel.client.send(Channel.SHELL, once);

        assertThat(kernel.run("times").result()).contains("1");
    }

    @Test
    void aRequestThatIsNotKnownIsRefusedByName() throws Exception {
        JsonObject shell = kernel.client
                .ask(Channel.SHELL, "no_such_request", new JsonObject(), LiveKernel.LIMIT)
                .content();
        JsonObject subshell = kernel.client
                .ask(Channel.CONTROL, "create_subshell_request", new JsonObject(), LiveKernel.LIMIT)
                .content();

        assertThat(shell.get("evalue").getAsString()).contains("no_such_request");
        assertThat(subshell.get("evalue").getAsString()).contains("no subshells");
    }

    @Test
    void messagesOfWidgetsDoNoHarm() throws Exception {
        JsonObject open = new JsonObject();
        open.addProperty("comm_id", "c1");
        open.addProperty("target_name", "jupyter.widget");
        WireMessage opened = kernel.client.request(Channel.SHELL, "comm_open", open);
        assertThat(kernel.client.find(
                        Channel.IOPUB,
                        LiveKernel.LIMIT,
                        m -> m.type().equals("comm_close") && m.parentId().equals(opened.id())))
                .isPresent();
        kernel.client.request(Channel.SHELL, "comm_msg", open);
        kernel.client.request(Channel.SHELL, "comm_close", open);
        JsonObject info = kernel.client
                .ask(Channel.SHELL, "comm_info_request", new JsonObject(), LiveKernel.LIMIT)
                .content();

        assertThat(info.getAsJsonObject("comms").size()).isZero();
    }

    @Test
    void clearOutputThatWaitsIsSentAtOnce() throws Exception {
        CellRun run = kernel.run("System.out.println(\"a\");\nclearOutput(true);");

        assertThat(run.ofType("clear_output")).hasSize(1);
    }

    @Test
    void manyLinesArriveInFewMessagesAndEndlessOnesAreCut(@TempDir Path folder) throws Exception {
        try (LiveKernel other = LiveKernel.start(folder, Map.of(OutputLimit.VARIABLE, "3000000"))) {
            CellRun many = other.run("for (int i = 0; i < 200_000; i++) System.out.println(\"line \" + i);");
            assertThat(many.stream("stdout").lines().count()).isEqualTo(200_000);
            assertThat(many.ofType("stream")).hasSizeLessThan(40);
            // What comes later leaves in larger pieces.
            assertThat(many.ofType("stream").stream()
                            .mapToInt(message ->
                                    message.content().get("text").getAsString().length())
                            .max()
                            .orElse(0))
                    .isGreaterThan(300_000);

            CellRun tooMany = other.run("for (int i = 0; i < 400_000; i++) System.out.println(\"line \" + i);");
            assertThat(tooMany.stream("stdout")).hasSize(3_000_000);
            assertThat(tooMany.stream("stderr"))
                    .contains("more than the limit of 3,000,000", OutputLimit.VARIABLE, "line 399999");
        }
    }

    @Test
    void furtherArgumentsDoNotKeepAKernelFromStarting(@TempDir Path folder) throws Exception {
        Path spec = KernelSpec.install(folder, "Java (test)", System.getProperty("java.class.path"));
        Path json = spec.resolve("kernel.json");
        Files.writeString(
                json, Files.readString(json).replace("\"{connection_file}\"", "\"{connection_file}\", \"script.jsh\""));
        try (LiveKernel other = LiveKernel.startFrom(spec, folder, Map.of())) {
            assertThat(other.run("6 * 7").result()).contains("42");
        }
    }

    @Test
    void aQuoteInAPathIsNoTrouble(@TempDir Path folder) throws Exception {
        Path odd = Files.createDirectory(folder.resolve("it's \"odd\" here"));
        String classpath = System.getProperty("java.class.path") + java.io.File.pathSeparator + odd;
        Path spec = KernelSpec.install(odd, "Java (test)", classpath);
        try (LiveKernel other = LiveKernel.startFrom(spec, odd, Map.of())) {
            assertThat(other.run("System.getProperty(\"java.class.path\").contains(\"\\\"odd\\\"\")")
                            .result())
                    .contains("true");
        }
    }

    @Test
    void anAddressOfIpVersion6HasBrackets() {
        Connection six = new Connection("tcp", "::1", 1, 2, 3, 4, 5, "hmac-sha256", "k");

        assertThat(six.address(6)).isEqualTo("tcp://[::1]:6");
    }

    @Test
    void listensOnIpVersion6() throws Exception {
        assumeTrue(hasIpVersion6(), "this machine has no ::1");
        Connection free = Connection.local();
        Connection six = new Connection(
                "tcp",
                "::1",
                free.shell(),
                free.iopub(),
                free.stdin(),
                free.control(),
                free.heartbeat(),
                free.scheme(),
                free.key());
        try (KernelSockets sockets = new KernelSockets(six, "session", (channel, message) -> {}, line -> {});
                ZContext context = new ZContext();
                ZMQ.Socket request = context.createSocket(SocketType.REQ)) {
            sockets.start();
            request.setIPv6(true);
            request.setLinger(0);
            request.setReceiveTimeOut(Math.toIntExact(LiveKernel.LIMIT.toMillis()));
            request.connect(six.address(six.heartbeat()));
            request.send("ping");

            assertThat(request.recvStr()).isEqualTo("ping");
        }
    }

    private static boolean hasIpVersion6() {
        try (ServerSocket any = new ServerSocket(0, 1, InetAddress.getAllByName("::1")[0])) {
            return any.isBound();
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void aConnectionFileThatOthersCanReadIsNoticed(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("c.json"), "{}");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(Connection.isOpenToOthers(file)).isTrue();

        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        assertThat(Connection.isOpenToOthers(file)).isFalse();
    }

    /** A shell that starts a process and becomes another program never asks for its end. */
    @Test
    void aProcessThatWasKilledAndNotAskedForIsDead(@TempDir Path folder) throws Exception {
        Path pids = folder.resolve("pid");
        Process shell = new ProcessBuilder("sh", "-c", "sleep 60 & echo $! > " + pids + "; exec sleep 61").start();
        try {
            while (!Files.exists(pids) || Files.readString(pids).isBlank()) {
                Thread.sleep(20);
            }
            long pid = Long.parseLong(Files.readString(pids).strip());
            assertThat(ParentWatch.isZombie(pid)).isFalse();
            ProcessHandle.of(pid).orElseThrow().destroyForcibly();
            new ParentWatch(pid).awaitEnd();
            assertThat(ParentWatch.isZombie(pid)).isTrue();
        } finally {
            shell.destroyForcibly();
        }
    }

    private void assertLives() throws Exception {
        assertThat(kernel.run("20 + 22").result()).contains("42");
        kernel.client.ask(Channel.CONTROL, "kernel_info_request", new JsonObject(), LiveKernel.LIMIT);
        try (ZContext context = new ZContext();
                ZMQ.Socket request = dealer(context, SocketType.REQ, connection.heartbeat())) {
            request.send("ping");
            assertThat(request.recvStr()).isEqualTo("ping");
        }
    }

    private ZMQ.Socket dealer(ZContext context, SocketType type, int port) {
        ZMQ.Socket socket = context.createSocket(type);
        socket.setReceiveTimeOut(Math.toIntExact(LiveKernel.LIMIT.toMillis()));
        socket.setLinger(0);
        socket.setHandshakeIvl(KernelClient.HANDSHAKE_MILLIS);
        socket.connect(connection.address(port));
        return socket;
    }
}
