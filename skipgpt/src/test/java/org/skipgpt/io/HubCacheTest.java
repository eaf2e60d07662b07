package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.report.ProgressObserver;

class HubCacheTest {
    private final Path folder;
    private final FakeHub hub;
    private final Map<String, String> environment = new HashMap<>();

    HubCacheTest(@TempDir Path folder) throws IOException {
        this.folder = folder;
        this.hub = new FakeHub();
        environment.put("HF_HOME", folder.resolve("home").toString());
        environment.put("HF_ENDPOINT", hub.endpoint());
        hub.files.put("config.json", "{\"hidden_size\":4}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("model.safetensors", weights(300_000));
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    @Test
    void aModelIsDownloadedIntoTheCacheLayoutAndTakenFromThereNextTime() throws IOException {
        Path model = load();

        assertThat(model).isEqualTo(folder.resolve("home/hub/models--owner--name/snapshots/" + FakeHub.COMMIT));
        assertThat(model.resolve("../../refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(Files.readSymbolicLink(model.resolve("config.json")).toString())
                .startsWith("../../blobs/");
        assertThat(model.resolve("README.md")).doesNotExist();
        try (HuggingFaceFolder open = HuggingFaceFolder.open(model)) {
            assertThat(open.config().get("hidden_size").getAsInt()).isEqualTo(4);
            assertThat(open.tokenizerJson()).isPresent();
            assertThat(open.tensors().names()).containsExactly("w");
        }
        hub.requests.clear();
        assertThat(load()).isEqualTo(model);
        environment.put("HF_HUB_OFFLINE", "1");
        assertThat(load()).isEqualTo(model);
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void shardsAreFetchedAsTheIndexNamesThem() throws IOException {
        hub.files.put("a.safetensors", hub.files.remove("model.safetensors"));
        hub.files.put(
                "model.safetensors.index.json",
                "{\"weight_map\":{\"w\":\"a.safetensors\"}}".getBytes(StandardCharsets.UTF_8));

        try (HuggingFaceFolder open = HuggingFaceFolder.open(load())) {
            assertThat(open.tensors().names()).containsExactly("w");
        }
    }

    @Test
    void theTokenGoesToTheHubAndNeverToAnotherHost() {
        environment.put("HF_TOKEN", "secret");

        load();

        assertThat(hub.requests)
                .filteredOn(line -> line.startsWith("hub"))
                .allMatch(line -> line.contains("Bearer secret"));
        assertThat(hub.requests)
                .filteredOn(line -> line.startsWith("store"))
                .isNotEmpty()
                .noneMatch(line -> line.contains("secret"));
        assertThat(HubCache.of(environment, folder).toString()).doesNotContain("secret");
    }

    @Test
    void aDroppedConnectionIsResumedWhereItEnded() throws IOException {
        byte[] bytes = bytes("model.safetensors");
        AtomicInteger drops = new AtomicInteger();
        hub.trouble = (exchange, n) -> atStore(exchange)
                && drops.getAndIncrement() == 0
                && run(() -> FakeHub.hangUpAfter(exchange, bytes, 0, 100_000));

        Path model = load();

        assertThat(Files.readAllBytes(model.resolve("model.safetensors"))).isEqualTo(bytes);
        List<String> ranges = hub.requests.stream()
                .filter(line -> line.startsWith("store"))
                .map(line -> line.substring(line.lastIndexOf(' ') + 1))
                .toList();
        assertThat(ranges).hasSize(2).first().isEqualTo("null");
        assertThat(ranges.get(1)).matches("bytes=[1-9][0-9]*-");
    }

    @Test
    void wrongBytesAreThrownAwayAndFetchedAgain() throws IOException {
        byte[] bytes = bytes("model.safetensors");
        byte[] wrong = bytes.clone();
        wrong[wrong.length - 1] ^= 1;
        AtomicInteger times = new AtomicInteger();
        hub.trouble = (exchange, n) -> atStore(exchange)
                && times.getAndIncrement() == 0
                && run(() -> FakeHub.hangUpAfter(exchange, wrong, 0, wrong.length));

        assertThat(Files.readAllBytes(load().resolve("model.safetensors"))).isEqualTo(bytes);
        assertThat(times).hasValue(2);
    }

    @Test
    void bytesThatStayWrongNeverLookComplete() throws IOException {
        byte[] wrong = bytes("config.json").clone();
        wrong[3] ^= 1;
        hub.trouble = (exchange, n) -> exchange.getRequestMethod().equals("GET")
                && exchange.getRequestURI().getPath().endsWith("config.json")
                && run(() -> FakeHub.hangUpAfter(exchange, wrong, 0, wrong.length));

        assertThatThrownBy(this::load).isInstanceOf(CheckpointException.class).hasMessageContaining("sum is not");

        assertThat(HubCache.of(environment, folder).find("owner/name", "main")).isEmpty();
        try (Stream<Path> blobs = Files.list(folder.resolve("home/hub/models--owner--name/blobs"))) {
            assertThat(blobs).allMatch(blob -> blob.toString().endsWith(".incomplete"));
        }
    }

    @ParameterizedTest
    @CsvSource({"401, HF_TOKEN", "403, licence", "404, spelling"})
    void refusalsSayWhatToDo(int status, String advice) {
        hub.trouble = (exchange, n) -> run(() -> exchange.sendResponseHeaders(status, -1));

        assertThatThrownBy(this::load)
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("answers " + status)
                .hasMessageContaining(advice);
        assertThat(hub.requests).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 503})
    void aBusyHubIsAskedAgain(int status) {
        AtomicInteger times = new AtomicInteger();
        hub.trouble = (exchange, n) -> times.getAndIncrement() == 0
                && run(() -> {
                    exchange.getResponseHeaders().set("Retry-After", "1");
                    exchange.sendResponseHeaders(status, -1);
                });

        assertThat(load()).isDirectory();
    }

    @Test
    void withoutANetworkTheWaysOutAreNamed() {
        environment.put("HF_ENDPOINT", "http://hub.invalid");

        assertThatThrownBy(this::load)
                .isInstanceOf(CheckpointException.class)
                .hasNoCause()
                .hasMessageContaining("hub.invalid was not found")
                .hasMessageContaining("HF_HUB_OFFLINE=1")
                .hasMessageContaining("local folder");
    }

    @Test
    void offlineAndMalformedNamesAreRefusedWithoutAsking() {
        assertThatThrownBy(() -> HubCache.of(environment, folder).load("../x", "main", ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class);
        assertThatThrownBy(() -> HubCache.of(environment, folder).load("a/b", "../x", ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class);
        environment.put("HF_HUB_OFFLINE", "1");
        assertThatThrownBy(this::load).isInstanceOf(CheckpointException.class).hasMessageContaining("HF_HUB_OFFLINE");
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void anInterruptionStopsAndKeepsWhatCame() {
        HubCache cache = HubCache.of(environment, folder);

        assertThatThrownBy(() -> cache.load("owner/name", "main", progress -> {
                    if (progress.task().contains("model.safetensors") && progress.done() > 0) {
                        Thread.currentThread().interrupt();
                    }
                }))
                .isInstanceOf(CancellationException.class);

        assertThat(Thread.interrupted()).isTrue();
        assertThat(cache.find("owner/name", "main")).isEmpty();
        assertThat(load()).isDirectory();
        assertThat(hub.requests).anyMatch(line -> line.startsWith("store") && line.contains("bytes="));
    }

    @Test
    void aSilentConnectionIsGivenUpAndTakenUpAgain() throws IOException {
        byte[] bytes = bytes("model.safetensors");
        AtomicInteger silences = new AtomicInteger();
        CountDownLatch over = new CountDownLatch(1);
        hub.trouble = (exchange, n) -> atStore(exchange)
                && silences.getAndIncrement() == 0
                && run(() -> FakeHub.fallSilentAfter(exchange, bytes, 100_000, over));
        HubClient client = new HubClient(URI.create(hub.endpoint()), "", Duration.ofMillis(400));
        HubDownloader downloader =
                new HubDownloader(client, folder.resolve("cache"), "owner/name", ProgressObserver.silent());

        downloader.fetch(FakeHub.COMMIT, "model.safetensors");
        over.countDown();

        assertThat(folder.resolve("cache/snapshots/" + FakeHub.COMMIT + "/model.safetensors"))
                .hasBinaryContent(bytes);
        assertThat(silences).hasValue(2);
        assertThat(hub.requests).anyMatch(line -> line.startsWith("store") && line.matches(".*bytes=[1-9][0-9]*-"));
    }

    @Test
    void anInterruptionEndsTheWaitForASilentHub() {
        byte[] bytes = bytes("model.safetensors");
        CountDownLatch over = new CountDownLatch(1);
        Thread loading = Thread.currentThread();
        hub.trouble = (exchange, n) -> atStore(exchange)
                && run(() -> {
                    interruptLater(loading);
                    FakeHub.fallSilentAfter(exchange, bytes, 100_000, over);
                });

        assertThatThrownBy(this::load).isInstanceOf(CancellationException.class).hasMessageContaining("kept");

        over.countDown();
        assertThat(Thread.interrupted()).isTrue();
        assertThat(HubCache.of(environment, folder).find("owner/name", "main")).isEmpty();
        hub.trouble = (exchange, n) -> false;
        assertThat(load().resolve("model.safetensors")).hasBinaryContent(bytes);
    }

    private static void interruptLater(Thread thread) {
        Thread interrupting = new Thread(() -> {
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                return;
            }
            thread.interrupt();
        });
        interrupting.setDaemon(true);
        interrupting.start();
    }

    @Test
    void theEnvironmentSaysWhereTheCacheIs() {
        Path home = Path.of("/home/u");
        assertThat(HubCache.of(Map.of(), home).root()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(HubCache.of(Map.of("HF_HOME", "/x"), home).root()).isEqualTo(Path.of("/x/hub"));
        assertThat(HubCache.of(Map.of("HF_HOME", "/x", "HF_HUB_CACHE", "/y"), home)
                        .root())
                .isEqualTo(Path.of("/y"));
        assertThatThrownBy(() -> HubCache.of(Map.of("HF_ENDPOINT", "ftp://x"), home))
                .isInstanceOf(CheckpointException.class);
    }

    @Test
    void theTokenThatWasStoredIsUsedUnlessTheEnvironmentHasOneOrForbidsIt() throws IOException {
        Path home = folder.resolve("u");
        Path file = home.resolve(".cache/huggingface/token");
        assertThat(HubCache.of(Map.of(), home).token()).isEmpty();
        Files.createDirectories(file.resolveSibling(""));
        Files.writeString(file, "hf_stored\n");

        assertThat(HubCache.of(Map.of(), home).token()).isEqualTo("hf_stored");
        assertThat(HubCache.of(Map.of(), home).toString())
                .endsWith("with a token")
                .doesNotContain("hf_stored");
        assertThat(HubCache.of(Map.of("HF_TOKEN", "hf_given"), home).token()).isEqualTo("hf_given");
        assertThat(HubCache.of(Map.of("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), home)
                        .token())
                .isEmpty();
        Path other = Files.writeString(folder.resolve("other"), "hf_other");
        assertThat(HubCache.of(Map.of("HF_TOKEN_PATH", other.toString()), home).token())
                .isEqualTo("hf_other");
        Files.writeString(file, "hf_secret\nX-Header: y");
        assertThatThrownBy(() -> HubCache.of(Map.of(), home))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(file.toString())
                .hasMessageNotContaining("hf_secret");
    }

    @Test
    void weightsWithoutATokenizerAreCompletedWhereTheHubCanBeAsked() throws IOException {
        Path model = load();
        Files.delete(model.resolve("tokenizer.json"));
        hub.requests.clear();

        assertThat(load().resolve("tokenizer.json")).exists();
        assertThat(hub.requests).noneMatch(request -> request.toString().contains("safetensors"));

        Files.delete(model.resolve("tokenizer.json"));
        environment.put("HF_HUB_OFFLINE", "1");
        assertThat(load()).isEqualTo(model);
    }

    private Path load() {
        return HubCache.of(environment, folder).load("owner/name", "main", ProgressObserver.silent());
    }

    private byte[] bytes(String name) {
        return hub.files.getOrDefault(name, new byte[0]);
    }

    private static boolean atStore(HttpExchange exchange) {
        return exchange.getRequestURI().getPath().equals("/model.safetensors");
    }

    @FunctionalInterface
    private interface Action {
        void run() throws IOException;
    }

    private static boolean run(Action action) {
        try {
            action.run();
            return true;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private byte[] weights(int n) throws IOException {
        Path path = folder.resolve("made.safetensors");
        TensorInfo info = new TensorInfo("w", "U8", new long[] {n});
        try (SafeTensorsWriter out = SafeTensorsWriter.create(path, List.of(info))) {
            out.write("w", ByteBuffer.allocate(n));
            out.finish();
        }
        return Files.readAllBytes(path);
    }
}
