package org.skipgpt.io;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiPredicate;

/** A hub on the loopback address with one model, and a second address that stores the large files. */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    final Map<String, byte[]> files = new LinkedHashMap<>();
    final List<String> requests = new CopyOnWriteArrayList<>();
    final AtomicInteger bodies = new AtomicInteger();
    /** Answers in place of the hub where it returns true; gets the number of bodies sent so far. */
    volatile BiPredicate<HttpExchange, Integer> trouble = (exchange, n) -> false;

    /** What comes in by uploads. */
    final FakeHubWriting writing = new FakeHubWriting(this);

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer hub = server();
    private final HttpServer store = server();

    FakeHub() throws IOException {
        hub.createContext("/", this::answer);
        store.createContext("/", this::answer);
        // A silent answer must not hold up the next one.
        hub.setExecutor(threads);
        store.setExecutor(threads);
        hub.start();
        store.start();
    }

    String endpoint() {
        return address(hub);
    }

    /** Where large files are. */
    String storeAddress() {
        return address(store);
    }

    private static HttpServer server() {
        try {
            return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String address(HttpServer server) {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String path = exchange.getRequestURI().getPath();
            boolean atStore =
                    exchange.getLocalAddress().getPort() == store.getAddress().getPort();
            requests.add((atStore ? "store " : "hub ") + exchange.getRequestMethod() + " " + path + " "
                    + exchange.getRequestHeaders().getFirst("Authorization") + " "
                    + exchange.getRequestHeaders().getFirst("Range"));
            if (trouble.test(exchange, bodies.get())) {
                return;
            }
            if (exchange.getRequestMethod().equals("POST")
                    || exchange.getRequestMethod().equals("PUT")) {
                writing.answer(exchange, atStore);
                return;
            }
            if (path.startsWith("/api/models/")) {
                send(exchange, listing().getBytes(StandardCharsets.UTF_8));
                return;
            }
            String name = files.keySet().stream()
                    .filter(key -> path.endsWith("/" + key))
                    .max(Comparator.comparingInt(String::length))
                    .orElse("");
            byte[] bytes = files.get(name);
            if (bytes == null) {
                exchange.sendResponseHeaders(404, -1);
            } else if (!atStore && name.endsWith(".safetensors")) {
                exchange.getResponseHeaders().set("X-Linked-Etag", '"' + sha("SHA-256", bytes) + '"');
                exchange.getResponseHeaders().set("X-Linked-Size", "" + bytes.length);
                exchange.getResponseHeaders().set("Location", address(store) + "/" + name);
                exchange.sendResponseHeaders(302, -1);
            } else {
                byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
                exchange.getResponseHeaders().set("ETag", '"' + sha("SHA-1", head, bytes) + '"');
                send(exchange, bytes);
            }
        }
    }

    private String listing() {
        StringBuilder text =
                new StringBuilder("{\"sha\":\"" + COMMIT + "\",\"siblings\":[{\"rfilename\":\"README.md\"}");
        files.keySet()
                .forEach(name -> text.append(",{\"rfilename\":\"").append(name).append("\"}"));
        return text + "]}";
    }

    private void send(HttpExchange exchange, byte[] bytes) throws IOException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", "" + bytes.length);
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        bodies.incrementAndGet();
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.replaceAll("[^0-9]", ""));
        exchange.sendResponseHeaders(range == null ? 200 : 206, bytes.length - from);
        exchange.getResponseBody().write(bytes, from, bytes.length - from);
    }

    /** Promises the whole file, sends some of it and hangs up. */
    static void hangUpAfter(HttpExchange exchange, byte[] bytes, int from, int sent) throws IOException {
        exchange.sendResponseHeaders(from == 0 ? 200 : 206, bytes.length - from);
        OutputStream body = exchange.getResponseBody();
        body.write(Arrays.copyOfRange(bytes, from, from + sent));
        body.flush();
    }

    /** Promises the whole file, sends some of it and then nothing until told that all is over. */
    static void fallSilentAfter(HttpExchange exchange, byte[] bytes, int sent, CountDownLatch over) throws IOException {
        hangUpAfter(exchange, bytes, 0, sent);
        try {
            over.await(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static String sha(String algorithm, byte[]... parts) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            for (byte[] part : parts) {
                digest.update(part);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalArgumentException(algorithm, e);
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }
}
