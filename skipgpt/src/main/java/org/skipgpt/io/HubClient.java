package org.skipgpt.io;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;

/** Asks the hub: follows redirects by itself so that the token goes to the hub's own host alone. */
final class HubClient {
    private static final int MAX_REDIRECTS = 5;
    private static final long SLOWEST = 50_000; // bytes a second

    private final HttpClient http = HttpClient.newBuilder()
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(Duration.ofSeconds(20))
            .build();
    private final URI endpoint;
    private final String token;
    private final Duration silence;

    HubClient(URI endpoint, String token) {
        this(endpoint, token, Duration.ofSeconds(60));
    }

    /** A client that gives up a connection over which nothing came for some time. */
    HubClient(URI endpoint, String token, Duration silence) {
        this.endpoint = endpoint;
        this.token = token;
        this.silence = silence;
    }

    /** Where the hub is. */
    URI endpoint() {
        return endpoint;
    }

    URI address(String path) {
        return URI.create(endpoint + path);
    }

    /** The headers of a file at the hub itself: redirects to other hosts are not followed. */
    HttpResponse<InputStream> head(String path) throws IOException {
        return send(address(path), "HEAD", 0, false);
    }

    /** The bytes of a file from {@code from} on. */
    HttpResponse<InputStream> get(String path, long from) throws IOException {
        return send(address(path), "GET", from, true);
    }

    /** Sends a body; the token goes to the hub alone, a header the hub names goes to where it was named for. */
    HttpResponse<InputStream> post(URI at, String type, Map<String, String> header, HttpRequest.BodyPublisher body)
            throws IOException {
        return send(at, "POST", type, header, body);
    }

    /** Sends a file to a store that the hub named. */
    HttpResponse<InputStream> put(URI at, Map<String, String> header, HttpRequest.BodyPublisher body)
            throws IOException {
        return send(at, "PUT", "", header, body);
    }

    private HttpResponse<InputStream> send(
            URI at, String method, String type, Map<String, String> header, HttpRequest.BodyPublisher body)
            throws IOException {
        checkScheme(at);
        // The clock runs while the body is sent, so it allows for a slow line.
        Duration whole = silence.plusSeconds(Math.max(0, body.contentLength()) / SLOWEST);
        HttpRequest.Builder request =
                HttpRequest.newBuilder(at).timeout(whole).method(method, body).header("User-Agent", "skipgpt-jvm");
        if (!type.isEmpty()) {
            request.header("Content-Type", type).header("Accept", type.contains("lfs") ? type : "application/json");
        }
        // A client sets the length by itself and refuses to be told.
        header.forEach((name, value) -> {
            if (!name.equalsIgnoreCase("Content-Length") && !name.equalsIgnoreCase("Host")) {
                request.setHeader(name, value);
            }
        });
        boolean named = header.keySet().stream().anyMatch("Authorization"::equalsIgnoreCase);
        if (!token.isEmpty() && isHub(at) && !named) {
            request.header("Authorization", "Bearer " + token);
        }
        return send(request.build());
    }

    private HttpResponse<InputStream> send(URI start, String method, long from, boolean abroad) throws IOException {
        URI at = start;
        for (int i = 0; i <= MAX_REDIRECTS; i++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(at)
                    .timeout(silence)
                    .method(method, HttpRequest.BodyPublishers.noBody())
                    .header("User-Agent", "skipgpt-jvm")
                    .header("Accept-Encoding", "identity");
            if (!token.isEmpty() && isHub(at)) {
                request.header("Authorization", "Bearer " + token);
            }
            if (from > 0) {
                request.header("Range", "bytes=" + from + "-");
            }
            HttpResponse<InputStream> response = send(request.build());
            int status = response.statusCode();
            boolean redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
            if (!redirect) {
                return response;
            }
            URI next = at.resolve(response.headers().firstValue("Location").orElse(""));
            if (!isHub(next) && !abroad) {
                return response;
            }
            response.body().close();
            checkScheme(next);
            at = next;
        }
        throw new CheckpointException("The hub at " + endpoint + " redirects " + start + " more than " + MAX_REDIRECTS
                + " times. Check HF_ENDPOINT.");
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        try {
            return http.send(request, BodyStream.handler(silence));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("Asking the hub was stopped by an interruption.");
        }
    }

    private boolean isHub(URI at) {
        return Objects.equals(at.getScheme(), endpoint.getScheme())
                && Objects.equals(at.getHost(), endpoint.getHost())
                && at.getPort() == endpoint.getPort();
    }

    private void checkScheme(URI next) {
        String scheme = String.valueOf(next.getScheme());
        if (next.getHost() == null || !(scheme.equals("https") || scheme.equals(endpoint.getScheme()))) {
            throw new CheckpointException("The hub at " + endpoint + " names " + next
                    + ", which is not as safe. Check HF_ENDPOINT and the network.");
        }
    }

    /** Throws what an answer other than success means where something is sent, which is not redirected. */
    void checkSent(HttpResponse<?> response, String model, String what) throws IOException {
        check(response, model, what);
        if (response.statusCode() >= 300) {
            throw new CheckpointException("The hub at " + endpoint + " has " + model + " elsewhere: "
                    + response.headers().firstValue("Location").orElse("it does not say where")
                    + ". Use the name it has now.");
        }
    }

    /** Throws what an answer other than success means. */
    void check(HttpResponse<?> response, String model, String what) throws IOException {
        int status = response.statusCode();
        if (status < 400) {
            return;
        }
        Retry.checkBusy("the hub", response);
        String next = switch (status) {
            case 401 ->
                token.isEmpty()
                        ? "It may be private or misspelt: check the name, or set HF_TOKEN to a token that may read it."
                        : "The token of HF_TOKEN, or the one that hf auth login stored, is not accepted: set a valid one, or"
                                + " unset it.";
            case 403 ->
                "Accept the model's licence on its page at " + endpoint
                        + ", and set HF_TOKEN to a token that may read it.";
            case 404 -> "Check the spelling of the model and its revision; private models need HF_TOKEN.";
            default -> "Check HF_ENDPOINT and the network.";
        };
        throw new CheckpointException(
                "The hub at " + endpoint + " answers " + status + " for " + what + " of " + model + ". " + next);
    }
}
