package org.skipgpt.kernel.wire;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Turns messages into ZeroMQ frames and back, and signs them.
 *
 * <p>Frames: routing frames, {@code <IDS|MSG>}, signature, header, parent, metadata, content, buffers. Source: "Messaging
 * in Jupyter", section "The wire protocol".
 */
public final class Codec {
    private static final byte[] DELIMITER = "<IDS|MSG>".getBytes(US_ASCII);
    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    private static final int REMEMBERED = 1 << 16; // signatures, as in Jupyter's own kernels

    private final String algorithm;
    private final byte[] key;
    private final Set<String> seen = Collections.newSetFromMap(new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
            return size() > REMEMBERED;
        }
    });

    /**
     * Makes a codec for a signature scheme.
     *
     * @param scheme {@code hmac-sha256} or another HMAC the platform knows
     * @param key shared secret; empty switches signing off, as the protocol allows
     */
    public Codec(String scheme, String key) {
        this.algorithm = scheme.toLowerCase(Locale.ROOT).replace("hmac-", "Hmac");
        this.key = key.getBytes(UTF_8);
        if (this.key.length > 0) {
            mac();
        }
    }

    /** The frames of a message, signed. */
    public List<byte[]> encode(WireMessage message) {
        byte[][] parts = {
            GSON.toJson(message.header()).getBytes(UTF_8),
            GSON.toJson(message.parent()).getBytes(UTF_8),
            GSON.toJson(message.metadata()).getBytes(UTF_8),
            GSON.toJson(message.content()).getBytes(UTF_8)
        };
        List<byte[]> frames = new ArrayList<>(message.identities());
        frames.add(DELIMITER);
        frames.add(sign(parts).getBytes(US_ASCII));
        frames.addAll(List.of(parts));
        frames.addAll(message.buffers());
        return frames;
    }

    /**
     * Reads a message.
     *
     * @throws WireException where frames are missing, the signature is wrong, or a part is no JSON object
     */
    public WireMessage decode(List<byte[]> frames) {
        int at = 0;
        while (at < frames.size() && !Arrays.equals(frames.get(at), DELIMITER)) {
            at++;
        }
        if (frames.size() < at + 6) {
            throw new WireException("a message of " + frames.size() + " frames is too short");
        }
        byte[][] parts = {frames.get(at + 2), frames.get(at + 3), frames.get(at + 4), frames.get(at + 5)};
        if (key.length > 0 && !MessageDigest.isEqual(sign(parts).getBytes(US_ASCII), frames.get(at + 1))) {
            throw new WireException("the signature does not fit");
        }
        JsonObject header = json(parts[0], "header");
        for (String field : List.of("msg_id", "msg_type")) {
            JsonElement value = header.get(field);
            if (value == null || !value.isJsonPrimitive()) {
                throw new WireException("the header has no " + field);
            }
        }
        return new WireMessage(
                List.copyOf(frames.subList(0, at)),
                header,
                json(parts[1], "parent header"),
                json(parts[2], "metadata"),
                json(parts[3], "content"),
                List.copyOf(frames.subList(at + 6, frames.size())));
    }

    /**
     * Reads a message that must be new: one that was overheard and sent again is refused.
     *
     * @throws WireException as {@link #decode}, and where a message with this signature came before
     */
    public WireMessage decodeOnce(List<byte[]> frames) {
        WireMessage message = decode(frames);
        String signature = new String(frames.get(message.identities().size() + 1), US_ASCII);
        if (key.length > 0 && !seen.add(signature)) {
            throw new WireException("a message with this signature came before");
        }
        return message;
    }

    private String sign(byte[][] parts) {
        if (key.length == 0) {
            return "";
        }
        Mac mac = mac();
        for (byte[] part : parts) {
            mac.update(part);
        }
        return HexFormat.of().formatHex(mac.doFinal());
    }

    // A Mac is not safe for threads; making one costs microseconds.
    private Mac mac() {
        try {
            Mac mac = Mac.getInstance(algorithm);
            mac.init(new SecretKeySpec(key, algorithm));
            return mac;
        } catch (GeneralSecurityException e) {
            throw new WireException(
                    "signature scheme " + algorithm + " is not known here; use hmac-sha256 in the connection file", e);
        }
    }

    private static JsonObject json(byte[] part, String name) {
        try {
            JsonElement element = JsonParser.parseString(new String(part, UTF_8));
            if (element.isJsonObject()) {
                return element.getAsJsonObject();
            }
            if (element.isJsonNull()) {
                return new JsonObject();
            }
        } catch (JsonParseException | StackOverflowError e) {
            throw new WireException("the " + name + " is no JSON", e);
        }
        throw new WireException("the " + name + " is no JSON object");
    }
}
