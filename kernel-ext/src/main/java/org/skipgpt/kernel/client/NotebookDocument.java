package org.skipgpt.kernel.client;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** A notebook of format 4: its cells, and how it is written so that equal notebooks are equal files. */
public final class NotebookDocument {
    private static final Set<String> KEPT_CELL_METADATA = Set.of("tags", "slideshow", "editable", "deletable");
    private static final Set<String> KEPT_METADATA = Set.of("title", "authors");

    private final JsonObject json;

    private NotebookDocument(JsonObject json) {
        this.json = json;
    }

    /**
     * Reads a notebook.
     *
     * @throws IOException where the file is no notebook of format 4
     */
    public static NotebookDocument read(Path file) throws IOException {
        try {
            JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            if (json.get("nbformat").getAsInt() != 4 || !json.get("cells").isJsonArray()) {
                throw new IOException(file + " has another format than 4; open and save it in Jupyter");
            }
            return new NotebookDocument(json);
        } catch (JsonParseException | IllegalStateException | NullPointerException e) {
            throw new IOException(file + " is no notebook: " + e.getMessage(), e);
        }
    }

    /** All cells, in order; changes to them change the notebook. */
    public List<JsonObject> cells() {
        List<JsonObject> cells = new ArrayList<>();
        json.getAsJsonArray("cells").forEach(cell -> cells.add(cell.getAsJsonObject()));
        return cells;
    }

    /**
     * Adds a cell behind the one tagged {@code parameters} that sets its variables to other values, as papermill does.
     *
     * @param values Java literals, or texts, which become strings
     * @throws IOException where no cell has the tag
     */
    public void setParameters(Map<String, String> values) throws IOException {
        JsonArray cells = json.getAsJsonArray("cells");
        for (int i = 0; i < cells.size(); i++) {
            JsonObject cell = cells.get(i).getAsJsonObject();
            if (isCode(cell) && hasTag(cell, "parameters")) {
                JsonObject added = cell.deepCopy();
                JsonArray tags = new JsonArray();
                tags.add("injected-parameters");
                added.getAsJsonObject("metadata").add("tags", tags);
                added.addProperty("id", "parameters-" + i);
                added.addProperty("source", assignments(values));
                JsonArray all = new JsonArray();
                cells.asList().subList(0, i + 1).forEach(all::add);
                all.add(added);
                cells.asList().subList(i + 1, cells.size()).forEach(all::add);
                json.add("cells", all);
                return;
            }
        }
        throw new IOException(
                "no cell is tagged 'parameters': tag the one that declares " + String.join(", ", values.keySet()));
    }

    private static String assignments(Map<String, String> values) {
        return values.entrySet().stream()
                .map(entry -> entry.getKey() + " = " + literal(entry.getValue()) + ";")
                .collect(Collectors.joining("\n"));
    }

    private static String literal(String text) {
        boolean isLiteral = text.matches("-?[0-9][0-9_]*(\\.[0-9]*)?([eE]-?[0-9]+)?[lLfFdD]?|true|false|null|\".*\"");
        return isLiteral ? text : new JsonPrimitive(text).toString();
    }

    /** Whether a cell holds code. */
    public static boolean isCode(JsonObject cell) {
        return cell.get("cell_type").getAsString().equals("code");
    }

    /** Whether a cell has a tag. */
    public static boolean hasTag(JsonObject cell, String tag) {
        JsonObject metadata = cell.has("metadata") ? cell.getAsJsonObject("metadata") : new JsonObject();
        JsonElement tags = metadata.get("tags");
        return tags != null && tags.isJsonArray() && tags.getAsJsonArray().contains(new JsonPrimitive(tag));
    }

    /** A cell's source as one text. */
    public static String source(JsonObject cell) {
        return text(cell.get("source"));
    }

    /** A text that the format may store as a list of lines. */
    public static String text(JsonElement stored) {
        if (!stored.isJsonArray()) {
            return stored.getAsString();
        }
        StringBuilder all = new StringBuilder();
        stored.getAsJsonArray().forEach(line -> all.append(line.getAsString()));
        return all.toString();
    }

    /** A text as the list of lines that the format stores. */
    public static JsonArray lines(String text) {
        JsonArray lines = new JsonArray();
        int from = 0;
        while (from < text.length()) {
            int end = text.indexOf('\n', from);
            int next = end < 0 ? text.length() : end + 1;
            lines.add(text.substring(from, next));
            from = next;
        }
        return lines;
    }

    /** Leaves only what does not depend on the machine and the day, in format 4.5. */
    public void normalize() {
        json.addProperty("nbformat", 4);
        json.addProperty("nbformat_minor", 5);
        json.add("metadata", metadata());
        int number = 0;
        for (JsonObject cell : cells()) {
            number++;
            JsonObject metadata = cell.has("metadata") ? cell.getAsJsonObject("metadata") : new JsonObject();
            metadata.keySet().retainAll(KEPT_CELL_METADATA);
            cell.add("metadata", metadata);
            cell.add("source", lines(source(cell)));
            if (!cell.has("id")) {
                cell.addProperty("id", String.format(Locale.ROOT, "cell-%02d", number));
            }
        }
    }

    private JsonObject metadata() {
        JsonObject metadata = json.has("metadata") ? json.getAsJsonObject("metadata") : new JsonObject();
        metadata.keySet().retainAll(KEPT_METADATA);
        JsonObject kernel = new JsonObject();
        kernel.addProperty("display_name", "Java");
        kernel.addProperty("language", "java");
        kernel.addProperty("name", "java"); // IJava, JJava and ours answer to it
        metadata.add("kernelspec", kernel);
        JsonObject language = new JsonObject();
        language.addProperty("name", "java");
        language.addProperty("file_extension", ".jsh");
        language.addProperty("mimetype", "text/x-java-source");
        language.addProperty("pygments_lexer", "java");
        language.addProperty("codemirror_mode", "java");
        metadata.add("language_info", language);
        return metadata;
    }

    /** Writes the notebook: to a temporary file first, which is then moved. */
    public void write(Path file) throws IOException {
        Path temporary = Files.createTempFile(file.toAbsolutePath().getParent(), ".new-", ".ipynb");
        Files.writeString(temporary, toJson());
        Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    }

    /** The text of the file: sorted keys, indented by one blank, as Jupyter writes it. */
    public String toJson() throws IOException {
        Writer text = new StringWriter();
        JsonWriter writer = new JsonWriter(text);
        writer.setIndent(" ");
        writer.setHtmlSafe(false);
        new GsonBuilder().serializeNulls().create().toJson(sorted(json), writer);
        return text + "\n";
    }

    private static JsonElement sorted(JsonElement element) {
        if (element.isJsonArray()) {
            JsonArray array = new JsonArray();
            element.getAsJsonArray().forEach(item -> array.add(sorted(item)));
            return array;
        }
        if (!element.isJsonObject()) {
            return element;
        }
        JsonObject object = new JsonObject();
        for (String key : new TreeSet<>(element.getAsJsonObject().keySet())) {
            object.add(key, sorted(element.getAsJsonObject().get(key)));
        }
        return object;
    }
}
