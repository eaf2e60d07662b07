package org.skipgpt.kernel.wire;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.UUID;

/**
 * One Jupyter message.
 *
 * @param identities ZeroMQ routing frames; on the output channel the topic
 * @param header who sent it, when, and what it is
 * @param parent the header of the message it answers; empty where there is none
 * @param metadata usually empty
 * @param content depends on the type
 * @param buffers binary attachments, usually none
 */
public record WireMessage(
        List<byte[]> identities,
        JsonObject header,
        JsonObject parent,
        JsonObject metadata,
        JsonObject content,
        List<byte[]> buffers) {
    /** Version of the messaging protocol spoken here. */
    public static final String PROTOCOL = "5.4";

    /** A new message that answers nothing. */
    public static WireMessage of(String session, String type, JsonObject content) {
        return new WireMessage(
                List.of(), header(session, type), new JsonObject(), new JsonObject(), content, List.of());
    }

    /** A new message that belongs to this one and goes where this one came from. */
    public WireMessage answer(String session, String type, JsonObject content) {
        return new WireMessage(identities, header(session, type), header, new JsonObject(), content, List.of());
    }

    /** The same message with other routing frames. */
    public WireMessage to(List<byte[]> newIdentities) {
        return new WireMessage(newIdentities, header, parent, metadata, content, buffers);
    }

    /** The message type, e.g. {@code execute_request}. */
    public String type() {
        return header.get("msg_type").getAsString();
    }

    /** The message's id. */
    public String id() {
        return header.get("msg_id").getAsString();
    }

    /** The id of the message this one answers; empty where there is none. */
    public String parentId() {
        JsonElement id = parent.get("msg_id");
        return (id == null || !id.isJsonPrimitive()) ? "" : id.getAsString();
    }

    /** A text field of the content. */
    public String text(String name, String fallback) {
        JsonElement value = content.get(name);
        return (value == null || !value.isJsonPrimitive()) ? fallback : value.getAsString();
    }

    /** A number field of the content. */
    public int number(String name, int fallback) {
        JsonElement value = content.get(name);
        return (value == null || !value.isJsonPrimitive()) ? fallback : value.getAsInt();
    }

    /** A truth field of the content. */
    public boolean flag(String name, boolean fallback) {
        JsonElement value = content.get(name);
        return (value == null || !value.isJsonPrimitive()) ? fallback : value.getAsBoolean();
    }

    private static JsonObject header(String session, String type) {
        JsonObject header = new JsonObject();
        header.addProperty("msg_id", UUID.randomUUID().toString());
        header.addProperty("session", session);
        header.addProperty("username", "kernel");
        header.addProperty("date", Instant.now().truncatedTo(ChronoUnit.MICROS).toString());
        header.addProperty("msg_type", type);
        header.addProperty("version", PROTOCOL);
        return header;
    }
}
