package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.List;

/** ZeroMQ's own protocol, byte by byte: it lies below that of Jupyter, and no library would send it wrongly. */
final class RawWire {
    private static final int GREETING_BYTES = 64;

    private RawWire() {}

    private static byte[] greeting() {
        byte[] greeting = new byte[GREETING_BYTES];
        greeting[0] = (byte) 0xff;
        greeting[9] = 0x7f;
        greeting[10] = 3;
        System.arraycopy("NULL".getBytes(UTF_8), 0, greeting, 12, 4);
        return greeting;
    }

    private static byte[] ready(String socketType) {
        ByteBuffer body = ByteBuffer.allocate(22 + socketType.length());
        body.put((byte) 5).put("READY".getBytes(UTF_8)).put((byte) 11).put("Socket-Type".getBytes(UTF_8));
        body.putInt(socketType.length()).put(socketType.getBytes(UTF_8));
        return ByteBuffer.allocate(2 + body.capacity())
                .put((byte) 4)
                .put((byte) body.capacity())
                .put(body.array())
                .array();
    }

    /** Adds a message to a line: of each frame whether more follow, the length, the bytes. */
    static void append(List<byte[]> frames, ByteArrayOutputStream line) throws IOException {
        for (int i = 0; i < frames.size(); i++) {
            int more = i < frames.size() - 1 ? 1 : 0;
            byte[] body = frames.get(i);
            line.write(ByteBuffer.allocate(9)
                    .put((byte) (2 | more))
                    .putLong(body.length)
                    .array());
            line.write(body);
        }
    }

    /** Sends bytes that begin no connection, or not all of one, and waits until the other end has closed it. */
    static void deliver(int port, byte[] bytes) throws IOException {
        talk(port, socket -> socket.getOutputStream().write(bytes));
    }

    /**
     * Begins a connection as it should be, sends bytes, and waits until the other end has read them all or has refused
     * them. A connection that is closed with answers unread would take back what was sent.
     */
    static void deliver(int port, String socketType, byte[]... parts) throws IOException {
        talk(port, socket -> {
            socket.getOutputStream().write(greeting());
            byte[] begun = socket.getInputStream().readNBytes(GREETING_BYTES);
            socket.getOutputStream().write(ready(socketType));
            if (begun.length == GREETING_BYTES) {
                socket.getInputStream().read(); // a command,
                int length = socket.getInputStream().read(); // short as that of every socket is
                socket.getInputStream().readNBytes(Math.max(0, length));
            }
            for (byte[] part : parts) {
                socket.getOutputStream().write(part);
            }
        });
    }

    private interface Words {
        void say(Socket socket) throws IOException;
    }

    private static void talk(int port, Words words) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(Math.toIntExact(LiveKernel.LIMIT.toMillis()));
            words.say(socket);
            socket.shutdownOutput();
            InputStream answers = socket.getInputStream();
            byte[] buffer = new byte[1 << 16];
            int read = answers.read(buffer);
            while (read >= 0) {
                read = answers.read(buffer);
            }
        } catch (SocketTimeoutException e) {
            throw new IOException("port " + port + " neither reads nor closes", e);
        } catch (SocketException e) {
            if (!String.valueOf(e.getMessage()).matches(".*(reset|Broken pipe|aborted).*")) {
                throw e;
            }
        }
    }
}
