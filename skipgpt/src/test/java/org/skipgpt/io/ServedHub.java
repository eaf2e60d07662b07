package org.skipgpt.io;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.skipgpt.report.ProgressObserver;

/** A hub with one model, for studies of other packages. */
public final class ServedHub implements AutoCloseable {
    private static final String MODEL = "owner/tiny";

    private final FakeHub hub;

    /** Starts it. */
    public ServedHub() throws IOException {
        hub = new FakeHub();
        hub.files.put("config.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("tokenizer.json", "{}".getBytes(StandardCharsets.UTF_8));
        hub.files.put("model.safetensors", weights());
    }

    /** Where it answers. */
    public String endpoint() {
        return hub.endpoint();
    }

    /** The model's weights; no tensors, as nobody reads them. */
    public static byte[] weights() {
        byte[] bytes = new byte[300_000];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 17 + i / 500);
        }
        return bytes;
    }

    /** Brings the model into a cache. */
    public static void load(String endpoint, Path cache) {
        cache(endpoint, cache).load(MODEL, "main", ProgressObserver.silent());
    }

    private static HubCache cache(String endpoint, Path cache) {
        return new HubCache(cache, URI.create(endpoint), "", false);
    }

    /** The weights in a cache that has the model whole. */
    public static Optional<Path> find(Path cache) {
        return cache("https://example.org", cache)
                .find(MODEL, "main")
                .map(folder -> folder.resolve("model.safetensors"));
    }

    @Override
    public void close() {
        hub.close();
    }
}
