package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The writing side of a hub, as strict as the real one is said to be: only its token may write, the store takes only bytes
 * of the sum and length that were announced, and a commit may name only large files that the store has.
 */
final class FakeHubWriting {
    static final String TOKEN = "hf_writes";

    final Set<String> repositories = ConcurrentHashMap.newKeySet();
    final Map<String, byte[]> stored = new ConcurrentHashMap<>();
    /** The object of the last request to make a repository. */
    volatile JsonObject created = new JsonObject();

    private final FakeHub hub;

    FakeHubWriting(FakeHub hub) {
        this.hub = hub;
    }

    void answer(HttpExchange exchange, boolean atStore) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] body = exchange.getRequestBody().readAllBytes();
        String authorization = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
        if (atStore) {
            // A store trusts the address it gave out and must never see the token.
            reply(exchange, authorization.equals("null") ? put(path, body) : 400, "");
        } else if (!authorization.equals("Bearer " + TOKEN)) {
            reply(exchange, 401, "{\"error\":\"who are you\"}");
        } else if (path.equals("/api/repos/create")) {
            created = object(body);
            String name = created.get("organization").getAsString() + "/"
                    + created.get("name").getAsString();
            reply(exchange, repositories.add(name) ? 200 : 409, "{\"url\":\"" + hub.endpoint() + "/" + name + "\"}");
        } else if (path.endsWith("/preupload/main")) {
            reply(exchange, 200, modes(object(body)).toString());
        } else if (path.endsWith(".git/info/lfs/objects/batch")) {
            reply(exchange, 200, batch(object(body)).toString());
        } else if (path.endsWith("/verify")) {
            String oid = object(body).get("oid").getAsString();
            reply(exchange, stored.containsKey(oid) ? 200 : 404, "{}");
        } else if (path.endsWith("/commit/main")) {
            Optional<String> fault = commit(new String(body, StandardCharsets.UTF_8));
            String url = hub.endpoint() + "/me/tiny/commit/" + FakeHub.COMMIT;
            reply(exchange, fault.isEmpty() ? 200 : 400, "{\"commitUrl\":\"" + url + "\"}");
        } else {
            reply(exchange, 404, "{}");
        }
    }

    private int put(String path, byte[] body) {
        String oid = path.substring(path.lastIndexOf('/') + 1);
        if (!FakeHub.sha("SHA-256", body).equals(oid)) {
            return 400;
        }
        stored.put(oid, body);
        return 200;
    }

    private static JsonObject modes(JsonObject asked) {
        JsonArray files = new JsonArray();
        for (JsonElement one : asked.getAsJsonArray("files")) {
            JsonObject file = new JsonObject();
            String name = one.getAsJsonObject().get("path").getAsString();
            file.addProperty("path", name);
            file.addProperty("uploadMode", name.endsWith(".safetensors") ? "lfs" : "regular");
            file.addProperty("shouldIgnore", false);
            files.add(file);
        }
        JsonObject answer = new JsonObject();
        answer.add("files", files);
        return answer;
    }

    private JsonObject batch(JsonObject asked) {
        JsonObject object = asked.getAsJsonArray("objects").get(0).getAsJsonObject();
        String oid = object.get("oid").getAsString();
        if (!stored.containsKey(oid)) {
            JsonObject upload = new JsonObject();
            upload.addProperty("href", hub.storeAddress() + "/lfs/" + oid);
            JsonObject verify = new JsonObject();
            verify.addProperty("href", hub.endpoint() + "/me/tiny.git/info/lfs/verify");
            JsonObject actions = new JsonObject();
            actions.add("upload", upload);
            actions.add("verify", verify);
            object.add("actions", actions);
        }
        JsonArray objects = new JsonArray();
        objects.add(object);
        JsonObject answer = new JsonObject();
        answer.addProperty("transfer", "basic");
        answer.add("objects", objects);
        return answer;
    }

    private Optional<String> commit(String lines) {
        Map<String, byte[]> added = new LinkedHashMap<>();
        for (String line : lines.split("\n")) {
            JsonObject one = JsonParser.parseString(line).getAsJsonObject();
            JsonObject value = one.getAsJsonObject("value");
            switch (one.get("key").getAsString()) {
                case "header" -> {
                    if (value.get("summary").getAsString().isBlank()) {
                        return Optional.of("no summary");
                    }
                }
                case "file" ->
                    added.put(
                            value.get("path").getAsString(),
                            Base64.getDecoder().decode(value.get("content").getAsString()));
                case "lfsFile" -> {
                    String oid = value.get("oid").getAsString();
                    if (!stored.containsKey(oid)) {
                        return Optional.of("no such object");
                    }
                    added.put(value.get("path").getAsString(), Objects.requireNonNull(stored.get(oid)));
                }
                default -> {
                    return Optional.of("unknown key");
                }
            }
        }
        hub.files.putAll(added);
        return Optional.empty();
    }

    private static JsonObject object(byte[] body) {
        return JsonParser.parseString(new String(body, StandardCharsets.UTF_8)).getAsJsonObject();
    }

    private static void reply(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
    }
}
