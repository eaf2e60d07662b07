package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.data.DataException;

/** Conversations become the texts that transformers makes of them; {@code golden/chat/make_chat.py} made those. */
class ChatTemplateGoldenTest {
    private static final Clock CLOCK =
            Clock.fixed(LocalDateTime.of(2025, 3, 9, 7, 5, 2).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);

    private static final JsonObject GOLDEN = golden();

    private static JsonObject golden() {
        try {
            return JsonParser.parseString(Files.readString(Path.of("src/test/resources/golden/chat/chat.json")))
                    .getAsJsonObject();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    static Stream<String> names() {
        return GOLDEN.getAsJsonObject("templates").keySet().stream();
    }

    private static ChatTemplate template(String text) {
        Map<String, String> marks = new LinkedHashMap<>();
        GOLDEN.getAsJsonObject("marks")
                .entrySet()
                .forEach(mark -> marks.put(mark.getKey(), mark.getValue().getAsString()));
        return new ChatTemplate("a test", text, marks, CLOCK);
    }

    private static List<ChatMessage> conversation(String title) {
        return GOLDEN.getAsJsonObject("conversations").getAsJsonArray(title).asList().stream()
                .map(message -> new ChatMessage(
                        message.getAsJsonObject().get("role").getAsString(),
                        message.getAsJsonObject().get("content").getAsString()))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void aConversationIsTheTextThatTransformersMakes(String name) {
        JsonObject golden = GOLDEN.getAsJsonObject("templates").getAsJsonObject(name);
        ChatTemplate template = template(golden.get("template").getAsString());
        for (String title : golden.getAsJsonObject("cases").keySet()) {
            String[] parts = title.split(" ");
            JsonObject expected = golden.getAsJsonObject("cases").getAsJsonObject(title);
            if (expected.has("error")) {
                assertThatThrownBy(() -> template.render(conversation(parts[0]), parts[1].equals("True")))
                        .as(title)
                        .isInstanceOf(DataException.class)
                        .hasMessageEndingWith("refuses the conversation: "
                                + expected.get("error").getAsString());
            } else {
                assertThat(template.render(conversation(parts[0]), parts[1].equals("True")))
                        .as(title)
                        .isEqualTo(expected.get("text").getAsString());
            }
        }
    }

    /** Anything else that a template writes is right or refused; most of it is right. */
    @Test
    void everyExpressionIsRightOrRefused() {
        List<ChatMessage> three = conversation("three");
        Map<String, String> wrong = new LinkedHashMap<>();
        int right = 0;
        for (Map.Entry<String, JsonElement> entry :
                GOLDEN.getAsJsonObject("expressions").entrySet()) {
            String expected = entry.getValue().isJsonNull()
                    ? "(refused)"
                    : entry.getValue().getAsString();
            String rendered;
            try {
                rendered = template(entry.getKey()).render(three, true);
            } catch (DataException e) {
                rendered = "(refused)";
            }
            if (rendered.equals(expected)) {
                right++;
            } else if (!rendered.equals("(refused)")) {
                wrong.put(entry.getKey(), rendered + " instead of " + expected);
            }
        }
        // Jinja refuses a field of what is not there; here it is not there either.
        assertThat(wrong).containsOnlyKeys("{{ missing.x }}");
        assertThat(right).isGreaterThan(100);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ messages | tojson }}",
                "{{ messages[0].content.title() }}",
                "{{ messages.getClass() }}",
                "{{ ''.getClass() }}",
                "{{ loop.getClass() }}{% for m in messages %}{{ loop.getClass() }}{% endfor %}",
                "{{ namespace().getClass() }}",
                "{{ strftime_now.getClass() }}",
                "{% include '/etc/passwd' %}",
                "{% for m in messages %}{{ loop.previtem }}{% endfor %}",
                "{{ messages[0].content | wordcount }}",
                "{% do messages %}",
                "{{ strftime_now('%Q') }}",
                "{% if messages %}",
                "{{ messages[0].content.split() }}",
            })
    void whatIsNotKnownIsRefused(String text) {
        assertThatThrownBy(() -> template(text).render(List.of(ChatMessage.user("a b")), true))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a test");
    }

    @Test
    void whatAMessageSaysIsNoProgram() {
        assertThat(template("{{ messages[0].content }}")
                        .render(List.of(ChatMessage.user("{{ bos_token }}{% if %}")), true))
                .isEqualTo("{{ bos_token }}{% if %}");
    }

    @Test
    void theTemplateOfAFolderIsFoundWhereTransformersWritesIt(@TempDir Path folder) throws IOException {
        assertThat(ChatTemplate.in(folder)).isEmpty();
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"eos_token\": \"</s>\", \"chat_template\": [{\"name\": \"tool_use\", \"template\": \"no\"},"
                        + " {\"name\": \"default\", \"template\": \"{{ messages[0].content + eos_token }}\"}]}");
        List<ChatMessage> hello = List.of(ChatMessage.user("Hello"));
        assertThat(ChatTemplate.in(folder).orElseThrow().render(hello, true)).isEqualTo("Hello</s>");

        Files.writeString(folder.resolve("chat_template.jinja"), "newer: {{ messages[0].content }}");
        assertThat(ChatTemplate.in(folder).orElseThrow().render(hello, true)).isEqualTo("newer: Hello");
        assertThatThrownBy(() -> ChatTemplate.in(folder).orElseThrow().render(List.of(), true))
                .hasMessageContaining("one message or more");
    }
}
