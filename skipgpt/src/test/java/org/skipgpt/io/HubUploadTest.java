package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/** A folder that is pushed is the folder that is loaded again. */
class HubUploadTest {
    private final Path folder;
    private final Path tuned;
    private final FakeHub hub;
    private final HubUpload upload;

    HubUploadTest(@TempDir Path folder) throws IOException {
        this.folder = folder;
        this.tuned = folder.resolve("tuned");
        this.hub = new FakeHub();
        this.upload = new HubUpload(URI.create(hub.endpoint()), FakeHubWriting.TOKEN, true);
        Files.createDirectories(tuned.resolve("adapter"));
        Files.writeString(tuned.resolve("skipgpt.json"), "{\"format\":2}");
        Files.writeString(tuned.resolve("README.md"), "# Tuned, ünïcode");
        Files.write(tuned.resolve("routers.safetensors"), new byte[200_000]);
        Files.writeString(tuned.resolve("adapter/adapter_config.json"), "{}");
        Files.write(tuned.resolve("adapter/adapter_model.safetensors"), new byte[] {1, 2, 3});
        Files.writeString(tuned.resolve(".token"), "secret");
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    @Test
    void aPushedFolderIsLoadedAgainFileByFile() throws IOException {
        List<Progress> heard = new ArrayList<>();
        URI page = upload.push(tuned, "me/tiny", heard::add);

        assertThat(page).hasPath("/me/tiny/commit/" + FakeHub.COMMIT);
        assertThat(hub.writing.created.get("private").getAsBoolean()).isTrue();
        assertThat(hub.files).doesNotContainKey(".token").containsKey("README.md");
        assertThat(heard.get(heard.size() - 1).done()).isEqualTo(200_000);

        Path again = cache().loadTuned("me/tiny", "main", ProgressObserver.silent());
        for (String name : List.of(
                "skipgpt.json",
                "routers.safetensors",
                "adapter/adapter_config.json",
                "adapter/adapter_model.safetensors")) {
            assertThat(again.resolve(name)).hasSameBinaryContentAs(tuned.resolve(name));
        }
        hub.requests.clear();
        assertThat(cache().loadTuned("me/tiny", "main", ProgressObserver.silent()))
                .isEqualTo(again);
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void whatTheStoreHasIsNotSentAgain() {
        upload.push(tuned, "me/tiny", ProgressObserver.silent());
        hub.requests.clear();
        upload.push(tuned, "me/tiny", ProgressObserver.silent());

        assertThat(hub.requests).noneMatch(r -> r.contains(" PUT ")).anyMatch(r -> r.contains("/commit/main"));
    }

    @Test
    void aStoreThatIsBusyIsAskedAgain() {
        AtomicInteger puts = new AtomicInteger();
        hub.trouble = (exchange, n) -> {
            if (exchange.getRequestMethod().equals("PUT") && puts.getAndIncrement() == 0) {
                try {
                    exchange.getRequestBody().readAllBytes();
                    exchange.sendResponseHeaders(503, -1);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
                return true;
            }
            return false;
        };
        upload.push(tuned, "me/tiny", ProgressObserver.silent());
        assertThat(puts).hasValue(3); // two large files, one of them twice
    }

    @Test
    void whatCannotBePushedIsToldBeforeAnythingIsSent() throws IOException {
        refused(new HubUpload(URI.create(hub.endpoint()), "", true), tuned, "me/tiny", "HF_TOKEN");
        refused(upload, folder.resolve("none"), "me/tiny", "is no folder");
        refused(upload, Files.createDirectory(folder.resolve("empty")), "me/tiny", "holds 0 files");
        Path linked = Files.createDirectory(folder.resolve("linked"));
        Files.createSymbolicLink(linked.resolve("adapter"), tuned);
        refused(upload, linked, "me/tiny", "adapter is a link");
        refused(upload, tuned, "tiny", "owner/name");
        refused(upload, tuned, "../me/tiny", "owner/name");
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void aTokenThatMayNotWriteIsTold() {
        refused(new HubUpload(URI.create(hub.endpoint()), "hf_other", true), tuned, "me/tiny", "not accepted");
        assertThat(new HubUpload(URI.create("https://hub"), "hf_secret", true).toString())
                .doesNotContain("hf_secret");
    }

    @Test
    void aRepositoryWithoutATunedFolderIsTold() {
        assertThatThrownBy(() -> cache().loadTuned("me/tiny", "main", ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("holds no skipgpt.json");
    }

    private static void refused(HubUpload upload, Path folder, String model, String because) {
        assertThatThrownBy(() -> upload.push(folder, model, ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(because);
    }

    private HubCache cache() {
        return HubCache.of(
                Map.of(
                        "HF_ENDPOINT",
                        hub.endpoint(),
                        "HF_HOME",
                        folder.resolve("home").toString()),
                folder);
    }
}
