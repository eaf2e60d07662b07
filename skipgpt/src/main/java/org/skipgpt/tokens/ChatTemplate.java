package org.skipgpt.tokens;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.skipgpt.data.DataException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.report.Sha256;

/**
 * A checkpoint's own way of writing a conversation as one text, as transformers' {@code apply_chat_template} does it.
 *
 * <p>The template is a program of the checkpoint in the language Jinja. It is run by a library that gets texts, lists and
 * numbers only and no Java object; what of the language is not known to give what transformers gives is refused by name.
 *
 * <pre>{@code
 * String prompt = ChatTemplate.in(folder).orElseThrow().render(List.of(ChatMessage.user("Hello!")), true);
 * }</pre>
 */
public final class ChatTemplate {
    /** Longest template that is read, and longest text that is rendered, in characters. */
    public static final int LONGEST = 1 << 20;

    private final String where;
    private final String source;
    private final Map<String, String> marks;
    private final Clock clock;

    ChatTemplate(String where, String source, Map<String, String> marks, Clock clock) {
        if (source.length() > LONGEST) {
            throw new DataException("the chat template in " + where + " has " + source.length()
                    + " characters; at most " + LONGEST + " are read");
        }
        this.where = where;
        this.source = source;
        this.marks = Map.copyOf(marks);
        this.clock = clock;
    }

    /**
     * The template of a model's folder: {@code chat_template.jinja}, or the one that tokenizer_config.json holds, of several
     * the one called {@code default}.
     *
     * @throws DataException if the files are damaged, or hold several templates and none of them is the default
     */
    public static Optional<ChatTemplate> in(Path folder) {
        TokenizerSettings settings = TokenizerSettings.beside(folder);
        Map<String, String> marks = new LinkedHashMap<>();
        for (String mark : List.of("bos_token", "eos_token", "unk_token", "pad_token")) {
            settings.mark(mark).ifPresent(text -> marks.put(mark, text));
        }
        Path own = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(own)) {
            return Optional.of(
                    new ChatTemplate(own.toString(), read(own), marks, Clock.system(ZoneId.systemDefault())));
        }
        Path config = folder.resolve("tokenizer_config.json");
        if (!Files.isRegularFile(config)) {
            return Optional.empty();
        }
        return listed(JsonFields.of(config, DataException::new))
                .map(text -> new ChatTemplate(config.toString(), text, marks, Clock.system(ZoneId.systemDefault())));
    }

    private static Optional<String> listed(JsonFields config) {
        Optional<JsonElement> value = config.json("chat_template");
        if (value.isEmpty() || value.get().isJsonNull()) {
            return Optional.empty();
        }
        if (value.get() instanceof JsonPrimitive) {
            return Optional.of(config.text("chat_template"));
        }
        List<JsonFields> all = config.objects("chat_template");
        return Optional.of(all.stream()
                .filter(one -> one.text("name").equals("default"))
                .findFirst()
                .orElseThrow(() -> config.fault("chat_template", "a text, or a list with one called \"default\""))
                .text("template"));
    }

    private static String read(Path file) {
        try {
            if (Files.size(file) > 4L * LONGEST) {
                throw new DataException(file + " has " + Files.size(file) + " bytes; a chat template has at most "
                        + LONGEST + " characters");
            }
            return Files.readString(file);
        } catch (IOException e) {
            throw new DataException(file + " cannot be read: " + e, e);
        }
    }

    /**
     * A conversation as one text, marks included: encode it without adding any.
     *
     * @param prompt whether the text ends where the model's answer begins
     * @throws DataException if the template raises an exception, as templates do for conversations they do not take, or uses
     *     what is not known here; and if the library for templates is not on the class path
     */
    public String render(List<ChatMessage> messages, boolean prompt) {
        if (messages.isEmpty()) {
            throw new DataException("a conversation needs one message or more, e.g. ChatMessage.user(\"Hello!\")");
        }
        try {
            return new ChatLanguage(where, clock).render(source, marks, messages, prompt);
        } catch (NoClassDefFoundError e) {
            throw new DataException(
                    "chat templates need the library com.hubspot.jinjava:jinjava, and what it depends on, on the class"
                            + " path; add it, or write the conversation as a text of your own",
                    e);
        }
    }

    /** The template itself. */
    String source() {
        return source;
    }

    /** Identity of the template and its marks: sha256, hex. */
    public String hash() {
        return Sha256.of((source + "\n" + new TreeMap<>(marks)).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String toString() {
        return "chat template of " + where;
    }
}
