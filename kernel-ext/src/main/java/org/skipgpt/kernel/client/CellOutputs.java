package org.skipgpt.kernel.client;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.kernel.wire.WireMessage;

/** Turns published messages into the outputs a notebook stores, the way a front end does. */
final class CellOutputs {
    /** Displays of the whole notebook by id: a later cell may update an earlier one's. */
    private final Map<String, List<JsonObject>> displays = new HashMap<>();

    /** The outputs of one cell. */
    JsonArray collect(List<WireMessage> messages, int count) {
        List<JsonObject> outputs = new ArrayList<>();
        boolean clearsNext = false;
        for (WireMessage message : messages) {
            if (message.type().equals("clear_output")) {
                clearsNext = message.flag("wait", false);
                if (!clearsNext) {
                    outputs.clear();
                }
                continue;
            }
            if (message.type().equals("update_display_data")) {
                update(message.content());
                continue;
            }
            if (isOutput(message.type()) && clearsNext) {
                outputs.clear();
                clearsNext = false;
            }
            add(message, count, outputs);
        }
        JsonArray stored = new JsonArray();
        outputs.forEach(stored::add);
        return stored;
    }

    private static boolean isOutput(String type) {
        return List.of("stream", "display_data", "execute_result", "error").contains(type);
    }

    private void add(WireMessage message, int count, List<JsonObject> outputs) {
        JsonObject content = message.content();
        switch (message.type()) {
            case "stream" -> stream(content, outputs);
            case "display_data", "execute_result" -> {
                JsonObject output = new JsonObject();
                output.addProperty("output_type", message.type());
                output.add("data", data(content.getAsJsonObject("data")));
                output.add("metadata", content.getAsJsonObject("metadata"));
                if (message.type().equals("execute_result")) {
                    output.addProperty("execution_count", count);
                }
                outputs.add(output);
                String id = displayId(content);
                if (!id.isEmpty()) {
                    displays.computeIfAbsent(id, key -> new ArrayList<>()).add(output);
                }
            }
            case "error" -> {
                JsonObject output = content.deepCopy();
                output.addProperty("output_type", "error");
                outputs.add(output);
            }
            default -> {}
        }
    }

    private void update(JsonObject content) {
        for (JsonObject output : displays.getOrDefault(displayId(content), List.of())) {
            output.add("data", data(content.getAsJsonObject("data")));
            output.add("metadata", content.getAsJsonObject("metadata"));
        }
    }

    private static void stream(JsonObject content, List<JsonObject> outputs) {
        String name = content.get("name").getAsString();
        String text = content.get("text").getAsString();
        JsonObject last = outputs.isEmpty() ? new JsonObject() : outputs.get(outputs.size() - 1);
        if (last.has("name") && last.get("name").getAsString().equals(name)) {
            text = NotebookDocument.text(last.get("text")) + text;
            outputs.remove(last);
        }
        JsonObject output = new JsonObject();
        output.addProperty("output_type", "stream");
        output.addProperty("name", name);
        output.add("text", NotebookDocument.lines(overwritten(text)));
        outputs.add(output);
    }

    /** What remains visible of lines that carriage returns overwrote. */
    static String overwritten(String text) {
        return text.replace("\r\n", "\n").replaceAll("(?m)^[^\\n]*\\r(?=[^\\n])", "");
    }

    private static JsonObject data(JsonObject bundle) {
        JsonObject stored = new JsonObject();
        for (Map.Entry<String, JsonElement> entry : bundle.entrySet()) {
            String type = entry.getKey();
            boolean isText =
                    type.startsWith("text/") || type.equals("image/svg+xml") || type.equals("application/javascript");
            boolean splits = isText && entry.getValue().isJsonPrimitive();
            stored.add(type, splits ? NotebookDocument.lines(entry.getValue().getAsString()) : entry.getValue());
        }
        return stored;
    }

    private static String displayId(JsonObject content) {
        JsonElement parts = content.get("transient");
        if (parts == null || !parts.isJsonObject() || !parts.getAsJsonObject().has("display_id")) {
            return "";
        }
        return parts.getAsJsonObject().get("display_id").getAsString();
    }
}
