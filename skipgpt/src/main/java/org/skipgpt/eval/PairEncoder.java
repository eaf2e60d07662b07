package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.skipgpt.data.DataException;
import org.skipgpt.tokens.ChatMessage;
import org.skipgpt.tokens.ChatTemplate;
import org.skipgpt.tokens.Tokenizer;

/**
 * Cuts a context and its continuation into tokens as lm-evaluation-harness does.
 *
 * <p>Spaces at the end of the context move to the continuation; the continuation's tokens are those of both texts
 * together behind the first len(tokens(context)); what is too long loses its beginning.
 *
 * <p>Deviation: the harness stops at a continuation that alone is longer than the model reads. Here it is scored as the
 * harness scores long texts, in windows: the first one holds the context, each further one the token before its own.
 */
final class PairEncoder {
    private final Tokenizer tokenizer;
    private final boolean marks;
    private final int longest;
    private final Optional<ChatTemplate> template;

    /**
     * An encoder.
     *
     * @param longest most tokens the model reads
     */
    PairEncoder(Tokenizer tokenizer, ScoreOptions.Bos bos, int longest) {
        this(
                tokenizer,
                bos == ScoreOptions.Bos.ALWAYS || (bos == ScoreOptions.Bos.FAMILY && tokenizer.addsBos()),
                longest,
                Optional.empty());
    }

    private PairEncoder(Tokenizer tokenizer, boolean marks, int longest, Optional<ChatTemplate> template) {
        this.tokenizer = tokenizer;
        this.marks = marks;
        this.longest = longest;
        this.template = template;
    }

    /** The encoder that options ask for. */
    static PairEncoder of(Tokenizer tokenizer, ScoreOptions options, int longest) {
        return options.chat() ? chat(tokenizer, longest) : new PairEncoder(tokenizer, options.bos(), longest);
    }

    /**
     * An encoder of questions as what a user says, in the template of the checkpoint, and of choices as its answers.
     *
     * @throws TaskException if the checkpoint has no template
     */
    static PairEncoder chat(Tokenizer tokenizer, int longest) {
        ChatTemplate template = tokenizer
                .chat()
                .orElseThrow(
                        () -> new TaskException("questions were to be written by the chat template of the checkpoint,"
                                + " but " + tokenizer + " has none; evaluate without withChat()"));
        return new PairEncoder(tokenizer, false, longest, Optional.of(template));
    }

    /**
     * Tokens of a pair.
     *
     * @param tokens context and continuation, 1 more than the model reads
     * @param from first token of the continuation, 1..tokens-1
     */
    record Pair(int[] tokens, int from) {}

    /**
     * A context and its continuation.
     *
     * @param windows pairs that predict every token of the continuation once; more than one only where the continuation
     *     alone is longer than the model reads
     * @param excess tokens by which both together are longer than the model reads, 0 or more
     */
    record Encoded(List<Pair> windows, int excess) {}

    /** Every choice of a question. */
    List<Encoded> encode(Item item) {
        List<Encoded> choices = new ArrayList<>();
        for (int i = 0; i < item.pairs(); i++) {
            String context = item.contexts().get(i);
            String continuation = item.continuations().get(i);
            choices.add(
                    template.isPresent()
                            ? answer(template.get(), context, continuation)
                            : encode(context, continuation));
        }
        return choices;
    }

    /**
     * A question that an answer is generated behind; one that is too long loses its beginning.
     *
     * @param room most tokens of the question
     */
    Prompt prompt(String question, int room) {
        int[] ids = encode(template.isPresent() ? written(template.get(), question) : question);
        if (ids.length == 0) {
            throw new TaskException("the question \"" + Template.head(question) + "\" has no token");
        }
        int excess = Math.max(0, ids.length - room);
        return new Prompt(Arrays.copyOfRange(ids, excess, ids.length), excess);
    }

    /**
     * A question to generate behind.
     *
     * @param excess tokens that were left out at its beginning
     */
    record Prompt(int[] tokens, int excess) {}

    private static String written(ChatTemplate template, String question) {
        try {
            return template.render(List.of(ChatMessage.user(question)), true);
        } catch (DataException e) {
            throw new TaskException(String.valueOf(e.getMessage()));
        }
    }

    // The answer begins behind the template's own white space, so there is none before it.
    private Encoded answer(ChatTemplate chat, String context, String continuation) {
        String text = continuation.startsWith(" ") ? continuation.substring(1) : continuation;
        return encode(written(chat, context), text);
    }

    /** The windows of choices, one after another. */
    static List<Pair> pairs(List<Encoded> choices) {
        return choices.stream().flatMap(choice -> choice.windows().stream()).toList();
    }

    Encoded encode(String context, String continuation) {
        String kept = context.stripTrailing();
        String text = context.substring(kept.length()) + continuation;
        int[] head;
        int[] tail;
        if (kept.isEmpty()) {
            head = new int[] {firstToken()};
            tail = tokenizer.encode(text);
        } else {
            head = encode(kept);
            int[] both = encode(kept + text);
            tail = Arrays.copyOfRange(both, Math.min(head.length, both.length), both.length);
        }
        if (tail.length == 0) {
            throw new TaskException(
                    "the text \"" + Template.head(text) + "\" has no token of its own behind its context");
        }
        int[] all = Arrays.copyOf(head, head.length + tail.length);
        System.arraycopy(tail, 0, all, head.length, tail.length);
        return new Encoded(windows(all, head.length), Math.max(0, all.length - 1 - longest));
    }

    private List<Pair> windows(int[] all, int continuation) {
        int most = longest + 1; // the last token of a window is predicted, not read
        List<Pair> windows = new ArrayList<>();
        int from = continuation;
        int to = all.length - from <= longest ? all.length : Math.max(most, from + 1);
        while (from < all.length) {
            int begin = Math.max(0, to - most);
            windows.add(new Pair(Arrays.copyOfRange(all, begin, to), from - begin));
            from = to;
            to = Math.min(all.length, to + longest);
        }
        return windows;
    }

    private int[] encode(String text) {
        int[] ids = tokenizer.encode(text);
        if (!marks || tokenizer.bos().isEmpty()) {
            return ids;
        }
        int[] marked = new int[ids.length + 1];
        marked[0] = tokenizer.bos().getAsInt();
        System.arraycopy(ids, 0, marked, 1, ids.length);
        return marked;
    }

    private int firstToken() {
        OptionalInt mark = tokenizer.bos().isPresent() ? tokenizer.bos() : tokenizer.eos();
        return mark.orElseThrow(() ->
                new TaskException("an empty context needs a beginning or end mark, and the tokenizer has neither"));
    }
}
