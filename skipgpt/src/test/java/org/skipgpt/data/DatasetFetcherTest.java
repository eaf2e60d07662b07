package org.skipgpt.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.FolderLock;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;

class DatasetFetcherTest {
    private static final byte[] BYTES = new byte[300_000];

    static {
        new Random(1).nextBytes(BYTES);
    }

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @SuppressWarnings("NullAway.Init")
    private HttpServer server;

    private final List<String> ranges = new CopyOnWriteArrayList<>();
    private final AtomicInteger requests = new AtomicInteger();

    /** What the server does with its n-th request, from 1. */
    private interface Answer {
        void to(HttpExchange exchange, int request) throws IOException;
    }

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void aBrokenConnectionIsTakenUpWhereItBroke() {
        serve((exchange, request) -> {
            if (request == 1) {
                send(exchange, 200, BYTES, BYTES.length, 100_000);
            } else {
                whole(exchange);
            }
        });
        List<Progress> seen = new ArrayList<>();

        List<Path> files = fetcher().fetch(dataset(Sha256.of(BYTES)), "Free", seen::add);

        assertThat(files.get(0)).hasBinaryContent(BYTES);
        assertThat(ranges).hasSize(2);
        assertThat(ranges.get(1)).matches("bytes=[1-9]\\d*-");
        assertThat(seen.get(seen.size() - 1).isDone()).isTrue();
        assertThat(names()).containsExactly("a.bin");
    }

    @Test
    void aChangedFileIsNotJoinedToAnOldPart() {
        byte[] old = new byte[BYTES.length];
        serve((exchange, request) -> {
            if (request == 1) {
                exchange.getResponseHeaders().set("ETag", "\"old\"");
                send(exchange, 200, old, old.length, 100_000);
            } else {
                whole(exchange);
            }
        });

        assertThat(fetcher()
                        .fetch(dataset(""), "Free", ProgressObserver.silent())
                        .get(0))
                .hasBinaryContent(BYTES);
    }

    @Test
    void wrongBytesAreAnErrorAndLeaveNothing() {
        serve((exchange, request) -> send(exchange, 200, new byte[BYTES.length], BYTES.length, BYTES.length));

        assertThatThrownBy(() -> fetcher().fetch(dataset(Sha256.of(BYTES)), "Free", ProgressObserver.silent()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("sha256");
        assertThat(names()).isEmpty();
    }

    @Test
    void busyServersAreAskedAgainAndRedirectsFollowed() {
        server.createContext("/moved.bin", this::whole);
        serve((exchange, request) -> {
            if (request <= 2) {
                send(exchange, request == 1 ? 429 : 503, new byte[0], -1, 0);
            } else {
                exchange.getResponseHeaders().set("Location", "/moved.bin");
                send(exchange, 302, new byte[0], -1, 0);
            }
        });

        assertThat(fetcher()
                        .fetch(dataset(""), "Free", ProgressObserver.silent())
                        .get(0))
                .hasBinaryContent(BYTES);
    }

    @Test
    void refusalsAreExplained() {
        serve((exchange, request) -> send(exchange, request == 1 ? 404 : 401, new byte[0], -1, 0));

        assertThatThrownBy(() -> fetcher().fetch(dataset(""), "Free", ProgressObserver.silent()))
                .hasMessageContaining("404")
                .hasMessageContaining("moved");
        assertThatThrownBy(() -> fetcher().fetch(dataset(""), "Free", ProgressObserver.silent()))
                .hasMessageContaining("401")
                .hasMessageContaining("SKIPGPT_DATA");
        assertThat(names()).isEmpty();
    }

    @Test
    void nothingIsAskedForBeforeTheLicenceIsAccepted() {
        serve((exchange, request) -> whole(exchange));

        assertThatThrownBy(() -> fetcher().fetch(dataset(""), "", ProgressObserver.silent()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("\"Free\"")
                .hasMessageContaining("https://example.org/licence");
        assertThat(fetcher().find(dataset(""))).isEmpty();
        assertThat(requests).hasValue(0);
    }

    @Test
    void localFilesComeFirstAndAreChecked() throws IOException {
        serve((exchange, request) -> whole(exchange));
        Path local = folder.resolve("local");
        Files.createDirectories(local.resolve("set"));
        Path file = Files.write(local.resolve("set/a.bin"), BYTES);
        DatasetFetcher fetcher = fetcher().withLocal(local);

        assertThat(fetcher.fetch(dataset(Sha256.of(BYTES)), "", ProgressObserver.silent()))
                .containsExactly(file);
        assertThat(fetcher.find(dataset(""))).contains(List.of(file));
        Files.write(file, new byte[] {1});
        assertThatThrownBy(() -> fetcher.fetch(dataset(Sha256.of(BYTES)), "Free", ProgressObserver.silent()))
                .isInstanceOf(DataException.class);
        assertThat(requests).hasValue(0);
    }

    @Test
    void anInterruptedDownloadKeepsItsPartAndGoesOnLater() {
        serve((exchange, request) -> whole(exchange));
        ProgressObserver stopping = progress -> {
            if (progress.done() > 50_000) {
                Thread.currentThread().interrupt();
            }
        };

        assertThatThrownBy(() -> fetcher().fetch(dataset(""), "Free", stopping))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("stopped");
        assertThat(Thread.interrupted()).isTrue();
        assertThat(names()).contains("a.bin.part").doesNotContain("a.bin");

        assertThat(fetcher()
                        .fetch(dataset(""), "Free", ProgressObserver.silent())
                        .get(0))
                .hasBinaryContent(BYTES);
        assertThat(ranges.get(1)).startsWith("bytes=");
    }

    @Test
    void twoAtOnceDoNotWriteOnePart() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch refused = new CountDownLatch(1);
        serve((exchange, request) -> whole(exchange));
        ProgressObserver waiting = progress -> {
            begun.countDown();
            try {
                refused.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        CompletableFuture<List<Path>> first =
                CompletableFuture.supplyAsync(() -> fetcher().fetch(dataset(Sha256.of(BYTES)), "Free", waiting));
        begun.await();

        assertThatThrownBy(() -> fetcher().fetch(dataset(Sha256.of(BYTES)), "Free", ProgressObserver.silent()))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("another download", "a.bin", "is running");
        refused.countDown();

        assertThat(first.get().get(0)).hasBinaryContent(BYTES);
        assertThat(names()).containsExactly("a.bin");
        assertThat(requests).hasValue(1);
    }

    @Test
    void theBuiltInManifestNamesTheDataOfThePaper() {
        DatasetManifest manifest = DatasetManifest.builtIn();

        assertThat(manifest.datasets().stream().map(Dataset::name))
                .contains("redpajama-1t-sample", "c4", "bookcorpus", "alpaca-cleaned", "wikitext-2-raw", "ptb")
                .contains("openbookqa", "winogrande", "piqa", "hellaswag", "boolq", "arc-easy", "arc-challenge");
        assertThat(manifest.datasets()).allSatisfy(set -> {
            assertThat(set.files()).isNotEmpty();
            assertThat(set.text().lines()).hasSizeLessThanOrEqualTo(25);
        });
        assertThatThrownBy(() -> manifest.get("pica")).hasMessageContaining("piqa");
        assertThatThrownBy(() -> fetcher().fetch(manifest.get("ptb"), "x", ProgressObserver.silent()))
                .hasMessageContaining("ptb.test.txt")
                .hasMessageContaining("SKIPGPT_DATA");
    }

    @Test
    void aFaultyManifestNamesAllFaults() throws IOException {
        Path file = Files.writeString(folder.resolve("m.json"), """
                {"datasets": [{"name": "X y", "title": "t", "source": "s", "licence": "", "licenceUrl": "l", "use": "u",
                "files": [{"path": "../up", "url": "http://example.org/a", "sha256": "12"}]}]}""");

        assertThatThrownBy(() -> DatasetManifest.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("X y")
                .hasMessageContaining("licence")
                .hasMessageContaining("../up")
                .hasMessageContaining("an https address")
                .hasMessageContaining("64 hex");
    }

    @Test
    void membersOfAnArchiveAreTakenOutOfOneCheckedDownload() throws IOException {
        byte[] zip = zip("data/a.txt", "first", "../../data/b.txt", "second");
        serve((exchange, request) -> send(exchange, 200, zip, zip.length, zip.length));
        Dataset set = dataset(List.of(
                member("a.txt", "data/a.txt", Sha256.of(zip)),
                member("deep/b.txt", "../../data/b.txt", Sha256.of(zip))));

        List<Path> files = fetcher().fetch(set, "Free", ProgressObserver.silent());

        assertThat(files.get(0)).hasContent("first");
        assertThat(files.get(1)).hasContent("second").hasParent(folder.resolve("target/set/deep"));
        assertThat(requests).hasValue(1);
        assertThat(fetcher().find(set)).contains(files);
        assertThat(names()).containsExactly("a.bin", "a.txt", "deep");
    }

    @Test
    void nothingIsTakenFromAnArchiveWithTheWrongFingerprint() throws IOException {
        byte[] zip = zip("a.txt", "first");
        serve((exchange, request) -> send(exchange, 200, zip, zip.length, zip.length));

        assertThatThrownBy(() -> fetcher()
                        .fetch(
                                dataset(List.of(member("a.txt", "a.txt", Sha256.of(BYTES)))),
                                "Free",
                                ProgressObserver.silent()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(Sha256.of(BYTES));
        assertThat(names()).isEmpty();
    }

    @Test
    void aMissingMemberIsNamedBesideThoseThatAreThere() throws IOException {
        byte[] zip = zip("here.txt", "first");
        serve((exchange, request) -> send(exchange, 200, zip, zip.length, zip.length));

        assertThatThrownBy(() -> fetcher()
                        .fetch(
                                dataset(List.of(member("a.txt", "gone.txt", Sha256.of(zip)))),
                                "Free",
                                ProgressObserver.silent()))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("gone.txt")
                .hasMessageContaining("here.txt");
    }

    private DataFile member(String path, String member, String sha256) {
        URI url = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/a.bin");
        return new DataFile(path, Optional.of(url), OptionalLong.empty(), Optional.of(sha256), Optional.of(member));
    }

    private static byte[] zip(String... namesAndTexts) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            for (int i = 0; i < namesAndTexts.length; i += 2) {
                zip.putNextEntry(new ZipEntry(namesAndTexts[i]));
                zip.write(namesAndTexts[i + 1].getBytes(StandardCharsets.UTF_8));
            }
        }
        return bytes.toByteArray();
    }

    private DatasetFetcher fetcher() {
        return new DatasetFetcher(folder.resolve("target"), Optional.empty());
    }

    private Dataset dataset(String sha256) {
        URI url = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/a.bin");
        DataFile file = new DataFile(
                "a.bin",
                Optional.of(url),
                sha256.isEmpty() ? OptionalLong.empty() : OptionalLong.of(BYTES.length),
                Optional.of(sha256).filter(hash -> !hash.isEmpty()),
                Optional.empty());
        return dataset(List.of(file));
    }

    private static Dataset dataset(List<DataFile> files) {
        return new Dataset(
                "set", "A set", "https://example.org", "Free", "https://example.org/licence", "tests", "", files);
    }

    private List<String> names() {
        Path made = folder.resolve("target/set");
        try (Stream<Path> files = Files.list(made)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void serve(Answer answer) {
        server.createContext("/a.bin", exchange -> {
            ranges.add(Optional.ofNullable(exchange.getRequestHeaders().getFirst("Range"))
                    .orElse(""));
            answer.to(exchange, requests.incrementAndGet());
        });
    }

    // The whole file, or the asked rest of it where the client's tag is this file's.
    private void whole(HttpExchange exchange) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        boolean same = "\"new\"".equals(exchange.getRequestHeaders().getFirst("If-Range"));
        exchange.getResponseHeaders().set("ETag", "\"new\"");
        if (range == null || !same) {
            send(exchange, 200, BYTES, BYTES.length, BYTES.length);
            return;
        }
        int from = Integer.parseInt(range.replaceAll("\\D", ""));
        byte[] rest = Arrays.copyOfRange(BYTES, from, BYTES.length);
        exchange.getResponseHeaders()
                .set("Content-Range", "bytes " + from + "-" + (BYTES.length - 1) + "/" + BYTES.length);
        send(exchange, 206, rest, rest.length, rest.length);
    }

    private static void send(HttpExchange exchange, int status, byte[] bytes, int announced, int sent)
            throws IOException {
        if (exchange.getResponseHeaders().getFirst("ETag") == null) {
            exchange.getResponseHeaders().set("ETag", "\"new\"");
        }
        exchange.sendResponseHeaders(status, announced);
        if (sent > 0) {
            exchange.getResponseBody().write(bytes, 0, sent);
            exchange.getResponseBody().flush();
        }
        exchange.close();
    }

    @Test
    void whoIsRefusedLeavesThePartOfTheOneAtWork() throws IOException {
        serve((exchange, request) -> whole(exchange));
        Path part = Files.createDirectories(folder.resolve("target/set")).resolve("a.bin.part");

        // the other one has just begun, so that its part is empty yet
        try (FileChannel other = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            assertThat(FolderLock.take(other)).isPresent();
            assertThatThrownBy(() -> fetcher().fetch(dataset(""), "Free", ProgressObserver.silent()))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("another download");

            assertThat(part).exists();
        }
    }

    @Test
    void aPartThatAnotherTookAwayIsFetchedAgain() {
        Path part = folder.resolve("target/set/a.bin.part");
        serve((exchange, request) -> {
            if (request == 1) {
                Files.delete(part);
            }
            whole(exchange);
        });

        List<Path> files = fetcher().fetch(dataset(Sha256.of(BYTES)), "Free", ProgressObserver.silent());

        assertThat(files.get(0)).hasBinaryContent(BYTES);
        assertThat(requests).hasValue(2);
        assertThat(names()).containsExactly("a.bin");
    }
}
