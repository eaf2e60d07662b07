package org.skipgpt.kernel.wire;

import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.util.UUID;

/**
 * Where a kernel listens and how its messages are signed: the contents of a Jupyter connection file.
 *
 * @param transport {@code tcp}
 * @param ip the address to bind; loopback where the file names none
 * @param shell port of the shell channel
 * @param iopub port of the output channel
 * @param stdin port of the input channel
 * @param control port of the control channel
 * @param heartbeat port of the heartbeat
 * @param scheme signature scheme, {@code hmac-sha256}
 * @param key shared secret; empty switches signing off
 */
public record Connection(
        String transport,
        String ip,
        int shell,
        int iopub,
        int stdin,
        int control,
        int heartbeat,
        String scheme,
        String key) {
    private static final String LOOPBACK = "127.0.0.1";

    /** Reads a connection file. */
    public static Connection read(Path file) throws IOException {
        try {
            JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            return new Connection(
                    text(json, "transport", "tcp"),
                    text(json, "ip", LOOPBACK),
                    port(json, "shell_port"),
                    port(json, "iopub_port"),
                    port(json, "stdin_port"),
                    port(json, "control_port"),
                    port(json, "hb_port"),
                    text(json, "signature_scheme", "hmac-sha256"),
                    text(json, "key", ""));
        } catch (JsonParseException | IllegalStateException e) {
            throw new IOException(
                    file + " is not a Jupyter connection file; start the kernel with the file its front end wrote", e);
        }
    }

    /** Whether others than its owner can read a connection file, and with it run code as the owner; false if unknown. */
    public static boolean isOpenToOthers(Path file) throws IOException {
        PosixFileAttributeView view = Files.getFileAttributeView(file, PosixFileAttributeView.class);
        return view != null
                && view.readAttributes().permissions().stream()
                        .anyMatch(allowed -> !allowed.name().startsWith("OWNER_"));
    }

    /** A connection on the loopback interface with free ports and a fresh key. */
    public static Connection local() throws IOException {
        try (ServerSocket a = free();
                ServerSocket b = free();
                ServerSocket c = free();
                ServerSocket d = free();
                ServerSocket e = free()) {
            return new Connection(
                    "tcp",
                    LOOPBACK,
                    a.getLocalPort(),
                    b.getLocalPort(),
                    c.getLocalPort(),
                    d.getLocalPort(),
                    e.getLocalPort(),
                    "hmac-sha256",
                    UUID.randomUUID().toString());
        }
    }

    /** The text of the connection file. */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("transport", transport);
        json.addProperty("ip", ip);
        json.addProperty("shell_port", shell);
        json.addProperty("iopub_port", iopub);
        json.addProperty("stdin_port", stdin);
        json.addProperty("control_port", control);
        json.addProperty("hb_port", heartbeat);
        json.addProperty("signature_scheme", scheme);
        json.addProperty("key", key);
        json.addProperty("kernel_name", "java");
        return json.toString();
    }

    /** The ZeroMQ address of a port. */
    public String address(int port) {
        String host = ip.contains(":") && !ip.startsWith("[") ? "[" + ip + "]" : ip; // an IPv6 address
        return transport + "://" + host + (transport.equals("ipc") ? "-" : ":") + port;
    }

    private static ServerSocket free() throws IOException {
        return new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    }

    private static String text(JsonObject json, String name, String fallback) {
        return json.has(name) && json.get(name).isJsonPrimitive()
                ? json.get(name).getAsString()
                : fallback;
    }

    private static int port(JsonObject json, String name) throws IOException {
        if (!json.has(name)) {
            throw new IOException("the connection file names no " + name + "; it must name all five ports");
        }
        return json.get(name).getAsInt();
    }
}
