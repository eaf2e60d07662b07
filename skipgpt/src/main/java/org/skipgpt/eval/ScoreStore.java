package org.skipgpt.eval;

import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;

/**
 * Scores on disk under the identity of model, policy, task and question, so that a stopped run goes on where it was.
 *
 * <p>A jsonl file that only grows, and that several processes may append to: each writes whole lines at once. Every line has a sum
 * over itself; one that a crash cut off, or that is not what was written, is passed over and its question scored again.
 */
public final class ScoreStore implements AutoCloseable {
    private static final String SUM = "sum";

    private final Map<String, Scores> known = new HashMap<>();
    private final String where;
    private final Optional<OutputStream> out;
    private final StringBuilder lines = new StringBuilder();

    private ScoreStore(String where, Optional<OutputStream> out) {
        this.where = where;
        this.out = out;
    }

    /** Remembers nothing beyond its own life. */
    public static ScoreStore none() {
        return new ScoreStore("", Optional.empty());
    }

    /**
     * A store in a file, made where it is missing.
     *
     * @throws UncheckedIOException if the file cannot be read or written
     */
    public static ScoreStore open(Path file) {
        try {
            Path folder = file.toAbsolutePath().getParent();
            if (folder != null) {
                Files.createDirectories(folder);
            }
            boolean torn = false;
            Map<String, Scores> read = new HashMap<>();
            if (Files.exists(file)) {
                torn = isTorn(file);
                // A decoder that refuses bytes which are no UTF-8 would refuse the whole lines beside them, too.
                try (BufferedReader all =
                        new BufferedReader(new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
                    for (String line = all.readLine(); line != null; line = all.readLine()) {
                        parse(line, read);
                    }
                }
            }
            OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            if (torn) {
                out.write('\n');
            }
            ScoreStore store = new ScoreStore(file.toString(), Optional.of(out));
            store.known.putAll(read);
            return store;
        } catch (IOException e) {
            throw failure(file.toString(), e);
        }
    }

    private static UncheckedIOException failure(String where, IOException e) {
        String reason = e instanceof NoSuchFileException ? "no such file can be made" : FileFault.reason(e);
        return new UncheckedIOException(
                "scores cannot be kept in " + where + ", " + reason
                        + ": give withStore a .jsonl file in a folder that may be written to and has space",
                e);
    }

    private static boolean isTorn(Path file) throws IOException {
        try (SeekableByteChannel channel = Files.newByteChannel(file)) {
            ByteBuffer last = ByteBuffer.allocate(1);
            long size = channel.size();
            return size > 0 && channel.position(size - 1).read(last) == 1 && last.get(0) != '\n';
        }
    }

    private static void parse(String line, Map<String, Scores> into) {
        try {
            JsonObject object = Json.object(line, "The line");
            String sum = JsonFields.of(object, "The line").text(SUM);
            object.remove(SUM);
            if (sum.equals(sum(object))) {
                JsonFields fields = JsonFields.of(object, "The line");
                into.put(fields.text("key"), Scores.of(fields));
            }
        } catch (CheckpointException e) {
            // a line that a crash cut off, that was changed, or of an older form: its question is scored again
            return;
        }
    }

    private static String sum(JsonObject line) {
        CRC32C sum = new CRC32C();
        sum.update(line.toString().getBytes(StandardCharsets.UTF_8));
        return Long.toHexString(sum.getValue());
    }

    /** The key of a question under a model: sha256 over everything that decides its scores. */
    static String key(String context, Item item) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            add(digest, context);
            for (List<String> texts : List.of(item.contexts(), item.continuations())) {
                texts.forEach(text -> add(digest, text));
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        digest.update(Integer.toString(bytes.length).getBytes(StandardCharsets.US_ASCII));
        digest.update((byte) ':');
        digest.update(bytes);
    }

    /** How many questions are stored. */
    public int size() {
        return known.size();
    }

    /** Scores of a question with so many choices, where they are stored. */
    Optional<Scores> get(String key, int choices) {
        return Optional.ofNullable(known.get(key)).filter(scores -> scores.logLikelihoods().length == choices);
    }

    void put(String key, Scores scores) {
        known.put(key, scores);
        if (out.isEmpty()) {
            return;
        }
        JsonObject line = new JsonObject();
        line.addProperty("key", key);
        scores.addTo(line);
        line.addProperty(SUM, sum(line));
        lines.append(line).append('\n');
    }

    /** Puts what is known on disk. */
    void flush() {
        try {
            if (out.isPresent() && !lines.isEmpty()) {
                out.get().write(lines.toString().getBytes(StandardCharsets.UTF_8));
                lines.setLength(0);
            }
        } catch (IOException e) {
            throw failure(where, e);
        }
    }

    @Override
    public void close() {
        flush();
        try {
            if (out.isPresent()) {
                out.get().close();
            }
        } catch (IOException e) {
            throw failure(where, e);
        }
    }
}
