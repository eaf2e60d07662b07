package org.skipgpt.data;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
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
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return of(JsonFields.of(Json.object(text, RESOURCE, DataException::new), RESOURCE, DataException::new));
        } catch (IOException e) {
            throw new DataException(RESOURCE + " cannot be read: " + e, e);
        }
    }

    /**
     * Reads a manifest file.
     *
     * @throws DataException if it is malformed; all faulty values in one message
     */
    public static DatasetManifest read(Path file) {
        return of(JsonFields.of(file, DataException::new));
    }

    private static DatasetManifest of(JsonFields json) {
        List<Dataset> datasets = new ArrayList<>();
        List<String> faults = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (JsonFields one : json.objects("datasets")) {
            Dataset dataset = dataset(one, faults);
            datasets.add(dataset);
            check(faults, one, "name", names.add(dataset.name()), "a name that no other data set has");
        }
        if (!faults.isEmpty()) {
            throw new DataException(String.join("; ", faults));
        }
        return new DatasetManifest(datasets);
    }

    private static Dataset dataset(JsonFields json, List<String> faults) {
        String name = text(json, "name", faults);
        boolean fits = name.matches("[a-z0-9][a-z0-9.-]*");
        check(faults, json, "name", fits, "lower-case letters, digits, dots and dashes");
        List<DataFile> files = new ArrayList<>();
        json.objects("files").forEach(file -> files.add(file(file, faults)));
        Dataset dataset = new Dataset(
                name,
                text(json, "title", faults),
                text(json, "source", faults),
                text(json, "licence", faults),
                text(json, "licenceUrl", faults),
                text(json, "use", faults),
                json.text("note", ""),
                files);
        json.refuseOthers();
        return dataset;
    }

    // Faults of values are gathered, so that one reading tells them all; one of form ends it.
    private static void check(List<String> faults, JsonFields json, String field, boolean holds, String allowed) {
        if (!holds) {
            faults.add(String.valueOf(json.fault(field, allowed).getMessage()));
        }
    }

    private static String text(JsonFields json, String name, List<String> faults) {
        String text = json.text(name);
        check(faults, json, name, !text.isBlank(), "a text that is not empty");
        return text;
    }

    private static DataFile file(JsonFields json, List<String> faults) {
        String path = text(json, "path", faults);
        check(faults, json, "path", isInside(path), "a path inside the data set's folder");
        Optional<URI> url = json.textIfThere("url").map(value -> uri(json, value, faults));
        Optional<String> sha256 = json.textIfThere("sha256");
        boolean digits = sha256.isEmpty() || sha256.get().matches("[0-9a-f]{64}");
        check(faults, json, "sha256", digits, "64 hex digits");
        OptionalLong bytes =
                json.has("bytes") ? OptionalLong.of(json.count("bytes", 0, Long.MAX_VALUE >> 1)) : OptionalLong.empty();
        Optional<String> member = json.textIfThere("member");
        boolean reachable = member.isEmpty() || url.isPresent();
        check(faults, json, "member", reachable, "a member of the archive that url names; there is no url");
        json.refuseOthers();
        return new DataFile(path, url, bytes, sha256, member);
    }

    private static boolean isInside(String path) {
        try {
            Path relative = Path.of(path);
            return !relative.isAbsolute() && relative.equals(relative.normalize()) && !relative.startsWith("..");
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static URI uri(JsonFields json, String value, List<String> faults) {
        try {
            URI uri = new URI(value);
            check(faults, json, "url", FileDownload.isAllowed(uri), "an https address");
            return uri;
        } catch (URISyntaxException e) {
            throw json.fault("url", "an address, " + e.getReason() + " is none");
        }
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
