package org.skipgpt.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;

/** Bodies and members that nothing vouches for are not taken for whole. */
class UncheckedBodyTest {
    private static final byte[] TEXT = "one\ntwo\n".getBytes(StandardCharsets.US_ASCII);

    // An answer without a length, ended by closing, as HTTP/1.0 has it.
    private static void answer(ServerSocket server) {
        Thread thread = new Thread(() -> {
            while (!server.isClosed()) {
                try (Socket socket = server.accept();
                        OutputStream out = socket.getOutputStream()) {
                    socket.getInputStream().read(new byte[4096]);
                    out.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    out.write(TEXT);
                } catch (IOException e) {
                    return; // closed
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void download(ServerSocket server, Path target, OptionalLong bytes, Optional<String> sha256) {
        URI url = URI.create("http://127.0.0.1:" + server.getLocalPort() + "/a.txt");
        DataFile file = new DataFile("a.txt", Optional.of(url), bytes, sha256, Optional.empty());
        new FileDownload(file, target, "set/a.txt", ProgressObserver.silent()).run();
    }

    @Test
    void aBodyWithoutLengthIsTakenOnlyWhereSizeOrSumIsKnown(@TempDir Path folder) throws IOException {
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
            answer(server);
            Path target = folder.resolve("a.txt");

            assertThatThrownBy(() -> download(server, target, OptionalLong.empty(), Optional.empty()))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("/a.txt")
                    .hasMessageContaining("sha256");
            assertThat(target).doesNotExist();

            download(server, target, OptionalLong.of(TEXT.length), Optional.empty());
            assertThat(target).hasBinaryContent(TEXT);
            Files.delete(target);
            download(server, target, OptionalLong.empty(), Optional.of(Sha256.of(TEXT)));
            assertThat(target).hasBinaryContent(TEXT);
        }
    }

    @Test
    void aMemberWhoseSumIsAnotherIsRefused(@TempDir Path folder) {
        Path archive = Path.of("src/test/resources/faults/data/wrong-sum.zip");

        assertThatThrownBy(() -> ZipMember.unpack(archive, "a/train.jsonl", folder.resolve("train.jsonl")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("wrong-sum.zip")
                .hasMessageContaining("a/train.jsonl");
        assertThat(folder).isEmptyDirectory();
    }
}
