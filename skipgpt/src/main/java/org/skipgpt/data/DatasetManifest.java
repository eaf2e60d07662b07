package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.skipgpt.report.Report;

/**
 * The real data sets that the paper uses: official source, licence, files, and size and sha256 where known.
 *
 * <pre>{@code
 * DatasetManifest.builtIn().get("piqa");
 * }</pre>
 *
 * @param datasets in the manifest's order
 */
public record DatasetManifest(List<Dataset> datasets) implements Report {
    private static final String RESOURCE = "/org/skipgpt/data/manifest.json";

    /** Copies the list. */
    public DatasetManifest {
        datasets = List.copyOf(datasets);
    }

    /** The manifest that comes with the library. */
    public static DatasetManifest builtIn() {
        try (InputStream in = DatasetManifest.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new DataException("the library's own manifest is missing from the class path at " + RESOURCE
                        + "; build it with Maven, or read datasets/manifest.json with DatasetManifest.read");
            }
            return of(Json.object(new InputStreamReader(in, StandardCharsets.UTF_8)), RESOURCE);
        } catch (IOException e) {
            throw new DataException(RESOURCE + " cannot be read: " + e, e);
        }
    }

    /**
     * Reads a manifest file.
     *
     * @throws DataException if it is malformed; all faults in one message
     */
    public static DatasetManifest read(Path file) {
        return of(Json.object(file), file.toString());
    }

    private static DatasetManifest of(JsonObject json, String where) {
        List<Dataset> datasets = new ArrayList<>();
        List<String> faults = new ArrayList<>();
        Set<String> names = new HashSet<>();
        try {
            for (JsonElement element : json.getAsJsonArray("datasets")) {
                Dataset dataset = dataset(element.getAsJsonObject(), faults);
                datasets.add(dataset);
                if (!names.add(dataset.name())) {
                    faults.add("\"" + dataset.name() + "\" appears twice");
                }
            }
        } catch (RuntimeException e) {
            faults.add("expected {\"datasets\": [{name, title, ..., files: [...]}]}: " + e);
        }
        if (!faults.isEmpty()) {
            throw new DataException(where + " is no usable manifest: " + String.join("; ", faults));
        }
        return new DatasetManifest(datasets);
    }

    private static Dataset dataset(JsonObject json, List<String> faults) {
        String name = text(json, "name", faults);
        if (!name.matches("[a-z0-9][a-z0-9.-]*")) {
            faults.add("name \"" + name + "\": expected lower-case letters, digits, dots and dashes");
        }
        List<DataFile> files = new ArrayList<>();
        for (JsonElement file : json.getAsJsonArray("files")) {
            files.add(file(file.getAsJsonObject(), faults));
        }
        return new Dataset(
                name,
                text(json, "title", faults),
                text(json, "source", faults),
                text(json, "licence", faults),
                text(json, "licenceUrl", faults),
                text(json, "use", faults),
                Json.member(json, "note").map(JsonElement::getAsString).orElse(""),
                files);
    }

    private static String text(JsonObject json, String name, List<String> faults) {
        String text = Json.member(json, name).map(JsonElement::getAsString).orElse("");
        if (text.isBlank()) {
            faults.add("\"" + name + "\" is missing in "
                    + Json.member(json, "name").map(String::valueOf).orElse("an entry"));
        }
        return text;
    }

    private static DataFile file(JsonObject json, List<String> faults) {
        String path = text(json, "path", faults);
        Path relative = Path.of(path);
        if (relative.isAbsolute() || !relative.equals(relative.normalize()) || relative.startsWith("..")) {
            faults.add("path \"" + path + "\" leaves the data set's folder");
        }
        Optional<URI> url = Json.member(json, "url").map(value -> URI.create(value.getAsString()));
        url.filter(uri -> !FileDownload.isAllowed(uri)).ifPresent(uri -> faults.add("url " + uri + ": expected https"));
        Optional<String> sha256 = Json.member(json, "sha256").map(JsonElement::getAsString);
        sha256.filter(hash -> !hash.matches("[0-9a-f]{64}"))
                .ifPresent(hash -> faults.add("sha256 \"" + hash + "\" of " + path + ": expected 64 hex digits"));
        OptionalLong bytes = Json.member(json, "bytes")
                .map(value -> OptionalLong.of(value.getAsLong()))
                .orElse(OptionalLong.empty());
        Optional<String> member = Json.member(json, "member").map(JsonElement::getAsString);
        if (member.isPresent() && url.isEmpty()) {
            faults.add("member of " + path + ": expected the url of its archive as well");
        }
        return new DataFile(path, url, bytes, sha256, member);
    }

    /**
     * The data set of a name.
     *
     * @throws DataException if there is none; the message lists the names
     */
    public Dataset get(String name) {
        return datasets.stream()
                .filter(dataset -> dataset.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new DataException("no data set \"" + name + "\": the manifest has "
                        + datasets.stream().map(Dataset::name).collect(Collectors.joining(", "))));
    }

    @Override
    public String text() {
        return datasets.stream()
                .limit(24)
                .map(dataset -> String.format("%-20s %s", dataset.name(), clip(dataset.licence())))
                .collect(Collectors.joining("\n"));
    }

    private static String clip(String text) {
        return text.length() <= 78 ? text : text.substring(0, 77) + "…";
    }

    @Override
    public String toString() {
        return text();
    }
}
