package org.skipgpt.kernel.client;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Optional;
import org.skipgpt.kernel.wire.WireMessage;

/**
 * One cell's run over the wire.
 *
 * @param status {@code ok}, {@code error} or {@code aborted}
 * @param reply content of the reply
 * @param messages what was published, in order, without states
 */
public record CellRun(String status, JsonObject reply, List<WireMessage> messages) {
    /** All text of one stream, {@code stdout} or {@code stderr}. */
    public String stream(String name) {
        StringBuilder text = new StringBuilder();
        for (WireMessage message : messages) {
            if (message.type().equals("stream") && message.text("name", "").equals(name)) {
                text.append(message.text("text", ""));
            }
        }
        return text.toString();
    }

    /** The published messages of one type. */
    public List<WireMessage> ofType(String type) {
        return messages.stream().filter(message -> message.type().equals(type)).toList();
    }

    /** The result's plain text, where the cell had a result. */
    public Optional<String> result() {
        return ofType("execute_result").stream()
                .map(message -> message.content()
                        .getAsJsonObject("data")
                        .get("text/plain")
                        .getAsString())
                .findFirst();
    }

    /** The traceback as plain text; empty where the cell did not fail. */
    public String traceback() {
        if (!reply.has("traceback")) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        reply.getAsJsonArray("traceback")
                .forEach(line -> text.append(line.getAsString()).append('\n'));
        return text.toString().replaceAll("\u001b\\[[0-9;]*m", "");
    }
}
