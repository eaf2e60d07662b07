package org.skipgpt.io;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Sha256;

/**
 * Puts a folder on a hub that speaks the Hugging Face protocol, as one commit: large files go to its store (Git LFS, basic
 * transfer) first and are named by their sha256, so that an upload that was cut off goes on where it was.
 *
 * <pre>{@code
 * URI page = HubUpload.ofEnvironment().push(Path.of("skipgpt-25"), "me/tiny-skipgpt-25", ProgressObserver.silent());
 * }</pre>
 *
 * @param endpoint the hub
 * @param token that may write; sent to the endpoint alone
 * @param isPrivate whether a repository that does not exist yet is made private
 */
public record HubUpload(URI endpoint, String token, boolean isPrivate) {
    private static final int SAMPLE = 512;
    private static final int MAX_ANSWER = 20_000_000;
    private static final int MAX_FILES = 1_000;
    private static final String JSON = "application/json";
    private static final String LFS = "application/vnd.git-lfs+json";

    /** The hub of HF_ENDPOINT with the token of HF_TOKEN; new repositories are private. */
    public static HubUpload ofEnvironment() {
        HubCache hub = HubCache.ofEnvironment();
        if (hub.offline()) {
            throw new CheckpointException("HF_HUB_OFFLINE forbids to ask the hub: unset it to push.");
        }
        return new HubUpload(hub.endpoint(), hub.token(), true);
    }

    /** With new repositories that everybody can read, or not. */
    public HubUpload withPrivate(boolean on) {
        return new HubUpload(endpoint, token, on);
    }

    private record Item(String name, Path file, long size, String sha256) {}

    /**
     * Uploads every file of a folder; what else the repository holds stays.
     *
     * @param folder as {@code save(...)} or an export wrote it; hidden files stay here
     * @param model {@code owner/name}; made where it does not exist
     * @param observer hears how far each large file is
     * @return the commit's page, or the repository's where the hub names none
     * @throws CheckpointException without a token, for a folder that is none or empty, or if the hub refuses
     */
    public URI push(Path folder, String model, ProgressObserver observer) {
        if (!HubCache.isName(model)) {
            throw new CheckpointException(
                    "Model '" + model + "' is no name to push to; write owner/name, e.g. me/tiny-skipgpt-25.");
        }
        if (token.isEmpty()) {
            throw new CheckpointException("Pushing to " + endpoint
                    + " needs a token that may write: make one on the hub and set HF_TOKEN to it.");
        }
        List<Item> items = items(folder);
        HubClient client = new HubClient(endpoint, token);
        create(client, model);
        Map<String, Boolean> large = modes(client, model, items);
        for (Item item : items) {
            if (Boolean.TRUE.equals(large.get(item.name()))) {
                store(client, model, item, observer);
            }
        }
        return commit(client, model, items, large);
    }

    private static List<Item> items(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new CheckpointException(
                    "Nothing to push: " + folder + " is no folder; name one that save(...) wrote.");
        }
        try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> files = all.filter(Files::isRegularFile)
                    .filter(file -> !folder.relativize(file).toString().matches("(.*[/\\\\])?\\..*"))
                    .sorted()
                    .toList();
            files.forEach(file -> refuseLinks(folder, file));
            if (files.isEmpty() || files.size() > MAX_FILES) {
                throw new CheckpointException("Folder " + folder + " holds " + files.size() + " files; 1 to "
                        + MAX_FILES + " are pushed. Name a folder that save(...) or an export wrote.");
            }
            List<Item> items = new ArrayList<>();
            for (Path file : files) {
                String name = folder.relativize(file).toString().replace('\\', '/');
                items.add(new Item(name, file, Files.size(file), Sha256.of(file)));
            }
            return items;
        } catch (IOException e) {
            throw MappedFile.failure(folder, e);
        }
    }

    // What a link points to may be anybody's, and left out in silence the model would arrive without it.
    private static void refuseLinks(Path folder, Path file) {
        Path part = folder;
        for (Path name : folder.relativize(file)) {
            part = part.resolve(name);
            if (Files.isSymbolicLink(part)) {
                throw new CheckpointException("Not pushed: " + part + " is a link, and what a link points to is not"
                        + " uploaded; put the file itself into " + folder + ", e.g. by saving the model there.");
            }
        }
    }

    private void create(HubClient client, String model) {
        JsonObject wanted = new JsonObject();
        wanted.addProperty("type", "model");
        wanted.addProperty("organization", model.substring(0, model.indexOf('/')));
        wanted.addProperty("name", model.substring(model.indexOf('/') + 1));
        wanted.addProperty("private", isPrivate);
        send(client, model, "its repository", "/api/repos/create", JSON, wanted.toString(), 409);
    }

    /** For each file whether it goes to the store of large files, which the hub decides. */
    private Map<String, Boolean> modes(HubClient client, String model, List<Item> items) {
        JsonArray files = new JsonArray();
        for (Item item : items) {
            JsonObject file = new JsonObject();
            file.addProperty("path", item.name());
            file.addProperty("size", item.size());
            file.addProperty("sample", Base64.getEncoder().encodeToString(head(item)));
            files.add(file);
        }
        JsonObject asked = new JsonObject();
        asked.add("files", files);
        String path = "/api/models/" + model + "/preupload/main";
        Map<String, Boolean> large = new TreeMap<>();
        for (JsonFields file : send(client, model, "the list of its files", path, JSON, asked.toString(), 0)
                .objects("files")) {
            boolean ignored = file.flag("shouldIgnore", false);
            String mode = file.text("uploadMode");
            if (ignored || !(mode.equals("lfs") || mode.equals("regular"))) {
                throw new CheckpointException("The hub at " + endpoint + " would not take " + file.text("path") + " of "
                        + model + (ignored ? ": it ignores such a file" : ": its way '" + mode + "' is not known here")
                        + ". Move it out of the folder, or upload it by another tool.");
            }
            large.put(file.text("path"), mode.equals("lfs"));
        }
        items.stream()
                .filter(item -> !large.containsKey(item.name()))
                .findFirst()
                .ifPresent(item -> {
                    throw new CheckpointException("The hub at " + endpoint + " does not say how to send " + item.name()
                            + " of " + model + ".");
                });
        return large;
    }

    private static byte[] head(Item item) {
        try (InputStream in = Files.newInputStream(item.file())) {
            return in.readNBytes(SAMPLE);
        } catch (IOException e) {
            throw MappedFile.failure(item.file(), e);
        }
    }

    private void store(HubClient client, String model, Item item, ProgressObserver observer) {
        JsonObject object = new JsonObject();
        object.addProperty("oid", item.sha256());
        object.addProperty("size", item.size());
        JsonArray objects = new JsonArray();
        objects.add(object);
        JsonArray transfers = new JsonArray();
        transfers.add("basic");
        JsonObject batch = new JsonObject();
        batch.addProperty("operation", "upload");
        batch.add("transfers", transfers);
        batch.add("objects", objects);
        batch.addProperty("hash_algo", "sha256");
        String path = "/" + model + ".git/info/lfs/objects/batch";
        List<JsonFields> answers =
                send(client, model, item.name(), path, LFS, batch.toString(), 0).objects("objects");
        JsonFields answer = answers.stream()
                .filter(o -> o.text("oid").equals(item.sha256()))
                .findFirst()
                .orElseThrow(() -> new CheckpointException(
                        "The hub at " + endpoint + " does not say where " + item.name() + " of " + model + " goes."));
        answer.objectIfThere("error").ifPresent(error -> {
            throw new CheckpointException("The hub at " + endpoint + " does not take " + item.name() + " of " + model
                    + ": " + error.text("message", "no reason given") + ".");
        });
        JsonFields actions = answer.objectIfThere("actions").orElse(null);
        if (actions == null) {
            return; // the store has it already
        }
        JsonFields upload = actions.object("upload");
        retrying(model, item.name(), () -> {
            Meter meter = new Meter("uploading " + item.name(), item.size(), observer);
            HttpResponse<InputStream> response = client.put(
                    URI.create(upload.text("href")), header(upload), new MeteredFile(item.file(), meter).publisher());
            response.body().close();
            client.checkSent(response, model, item.name());
            return response;
        });
        actions.objectIfThere("verify")
                .ifPresent(verify -> retrying(model, item.name(), () -> {
                    HttpResponse<InputStream> response = client.post(
                            URI.create(verify.text("href")),
                            LFS,
                            header(verify),
                            BodyPublishers.ofString(object.toString()));
                    response.body().close();
                    client.checkSent(response, model, item.name());
                    return response;
                }));
    }

    private static Map<String, String> header(JsonFields action) {
        Map<String, String> header = new TreeMap<>();
        action.objectIfThere("header")
                .ifPresent(fields -> fields.names().forEach(name -> header.put(name, fields.text(name))));
        return header;
    }

    private URI commit(HubClient client, String model, List<Item> items, Map<String, Boolean> large) {
        StringBuilder lines = new StringBuilder();
        JsonObject header = new JsonObject();
        header.addProperty("summary", "Upload of SkipGPT for the JVM");
        header.addProperty("description", "");
        line(lines, "header", header);
        for (Item item : items) {
            JsonObject file = new JsonObject();
            file.addProperty("path", item.name());
            if (Boolean.TRUE.equals(large.get(item.name()))) {
                file.addProperty("algo", "sha256");
                file.addProperty("oid", item.sha256());
                file.addProperty("size", item.size());
                line(lines, "lfsFile", file);
            } else {
                file.addProperty("content", Base64.getEncoder().encodeToString(bytes(item)));
                file.addProperty("encoding", "base64");
                line(lines, "file", file);
            }
        }
        String path = "/api/models/" + model + "/commit/main";
        JsonFields answer = send(client, model, "the commit", path, "application/x-ndjson", lines.toString(), 0);
        return URI.create(answer.text("commitUrl", endpoint + "/" + model));
    }

    private static void line(StringBuilder lines, String key, JsonObject value) {
        JsonObject line = new JsonObject();
        line.addProperty("key", key);
        line.add("value", value);
        lines.append(line).append('\n');
    }

    private static byte[] bytes(Item item) {
        try {
            return Files.readAllBytes(item.file());
        } catch (IOException e) {
            throw MappedFile.failure(item.file(), e);
        }
    }

    private JsonFields send(
            HubClient client, String model, String what, String path, String type, String text, int allowed) {
        BodyPublisher body = BodyPublishers.ofString(text);
        return retrying(model, what, () -> {
            HttpResponse<InputStream> response = client.post(client.address(path), type, Map.of(), body);
            try (InputStream in = response.body()) {
                if (response.statusCode() != allowed) {
                    client.checkSent(response, model, what);
                }
                String answer = new String(in.readNBytes(MAX_ANSWER), StandardCharsets.UTF_8);
                JsonObject json = response.statusCode() == allowed || answer.isBlank()
                        ? new JsonObject()
                        : Json.object(answer, "The hub's answer for " + model);
                return JsonFields.of(json, "The hub's answer for " + model);
            }
        });
    }

    private <T> T retrying(String model, String what, Retry.Attempt<T> attempt) {
        try {
            return Retry.run(what, attempt);
        } catch (IOException e) {
            throw new CheckpointException(
                    "Could not push " + what + " of " + model + " to " + endpoint + " in " + Retry.ATTEMPTS
                            + " attempts: "
                            + Objects.requireNonNullElse(e.getMessage(), e.toString())
                            + ". The store keeps what came; check the network and HF_ENDPOINT, then push again.",
                    e);
        }
    }

    /** Without the token: it is no one's business. */
    @Override
    public String toString() {
        return "HubUpload[endpoint=" + endpoint + ", private=" + isPrivate + "]";
    }
}
