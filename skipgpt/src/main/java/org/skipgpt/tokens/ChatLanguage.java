package org.skipgpt.tokens;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.Importable;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.time.Clock;
import java.time.LocalDateTime;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.skipgpt.data.DataException;

/**
 * The Jinja library, set up as transformers sets up Jinja (blocks take their line end and the spaces before them) and cut
 * down to what is known to give what transformers gives.
 *
 * <p>Objects are read through {@link ChatValues} alone, so a template reaches no Java class.
 */
final class ChatLanguage {
    // What the library writes for a value that is not there in a sum; Jinja refuses such a sum.
    private static final String NOTHING = "null";

    private final String where;
    private final Clock clock;
    private final Jinjava library;

    ChatLanguage(String where, Clock clock) {
        this.where = where;
        this.clock = clock;
        Context all = new Jinjava().getGlobalContext();
        Map<Context.Library, Set<String>> disabled = Map.of(
                Context.Library.FILTER, others(all.getAllFilters(), filters()),
                Context.Library.TAG, others(all.getAllTags(), ChatSource.TAGS),
                Context.Library.FUNCTION, others(all.getAllFunctions(), ChatSource.FUNCTIONS),
                Context.Library.EXP_TEST, others(all.getAllExpTests(), ChatSource.TESTS));
        LegacyOverrides asJinja = LegacyOverrides.newBuilder()
                .withEvaluateMapKeys(true)
                .withIterateOverMapKeys(true)
                .withUseNaturalOperatorPrecedence(true)
                .withUseTrimmingForNotesAndExpressions(true)
                .build();
        library = new Jinjava(JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withKeepTrailingNewline(true) // one was taken from the template already
                .withNestedInterpretationEnabled(false) // what a message says is no program
                .withDisabled(disabled)
                .withElResolver(new ChatValues())
                .withMaxOutputSize(ChatTemplate.LONGEST)
                .withMaxStringLength(ChatTemplate.LONGEST)
                .withMaxListSize(100_000)
                .withMaxMapSize(100_000)
                .withRangeLimit(100_000)
                .withMaxRenderDepth(20)
                .withLocale(Locale.ROOT)
                .withInterperterFactory(new ChatWriter.Factory())
                .withLegacyOverrides(asJinja)
                .build());
        Context context = library.getGlobalContext();
        ChatFilter.ALL.forEach(context::registerFilter);
        context.registerFunction(
                new ELFunctionDefinition("", "raise_exception", ChatFunctions.class, "raise", Object.class));
        context.registerFunction(
                new ELFunctionDefinition("", "strftime_now", ChatFunctions.class, "strftime", String.class));
    }

    private static Set<String> filters() {
        Set<String> all = new HashSet<>(ChatSource.FILTERS);
        all.addAll(ChatSource.UNUSED);
        return all;
    }

    private static Set<String> others(Collection<? extends Importable> all, Set<String> kept) {
        return all.stream()
                .map(Importable::getName)
                .filter(name -> !kept.contains(name.replace(":", "")))
                .collect(Collectors.toSet());
    }

    String render(String source, Map<String, String> marks, List<ChatMessage> messages, boolean prompt) {
        String prepared = ChatSource.prepared(where, source);
        String text = rendered(prepared, marks, messages, prompt);
        if (text.contains(NOTHING) && !source.contains(NOTHING)) {
            List<ChatMessage> without = messages.stream()
                    .map(m -> new ChatMessage(m.role(), m.content().replace(NOTHING, "nil")))
                    .toList();
            if (rendered(prepared, marks, without, prompt).contains(NOTHING)) {
                throw new DataException(
                        "the chat template in " + where + " adds a value that is not there, such as a mark"
                                + " that the tokenizer has not; write the conversation as a text of your own");
            }
        }
        return text;
    }

    private String rendered(String text, Map<String, String> marks, List<ChatMessage> messages, boolean prompt) {
        Map<String, Object> variables = new HashMap<>(marks);
        variables.put("messages", messages.stream().map(ChatLanguage::plain).toList());
        variables.put("add_generation_prompt", prompt);
        variables.put("strftime_now", true); // for "is defined"
        RenderResult result =
                ChatFunctions.at(LocalDateTime.now(clock), () -> library.renderForResult(text, variables));
        for (TemplateError error : result.getErrors()) {
            throw refusal(error);
        }
        return result.getOutput();
    }

    // in the order in which transformers gives them
    private static Map<String, Object> plain(ChatMessage message) {
        // The library takes the text "false" for false where a template asks whether there is one.
        if (message.content().strip().equalsIgnoreCase("false")) {
            throw new DataException("a message that says \"" + message.content()
                    + "\" alone cannot be written by a template here: add a word, or write the conversation yourself");
        }
        Map<String, Object> plain = new LinkedHashMap<>();
        plain.put("role", message.role());
        plain.put("content", message.content());
        return plain;
    }

    private DataException refusal(TemplateError error) {
        for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
            if (cause instanceof ChatFunctions.Raised) {
                return new DataException(
                        "the chat template in " + where + " refuses the conversation: " + cause.getMessage());
            }
        }
        return new DataException("the chat template in " + where + ", line " + error.getLineno()
                + ", is not rendered: "
                + String.valueOf(error.getMessage()).lines().findFirst().orElse("")
                + "; write the conversation as a text of your own");
    }
}
