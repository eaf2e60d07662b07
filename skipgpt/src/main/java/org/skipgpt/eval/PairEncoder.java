package org.skipgpt.eval;

import java.util.Arrays;
import java.util.OptionalInt;
import org.skipgpt.data.Tokenizer;

/**
 * Cuts a context and its continuation into tokens as lm-evaluation-harness does.
 *
 * <p>Spaces at the end of the context move to the continuation; the continuation's tokens are those of both texts
 * together behind the first len(tokens(context)); what is too long loses its beginning.
 */
final class PairEncoder {
    private final Tokenizer tokenizer;
    private final boolean marks;
    private final int longest;

    /**
     * An encoder.
     *
     * @param longest most tokens the model reads
     */
    PairEncoder(Tokenizer tokenizer, ScoreOptions.Bos bos, int longest) {
        this.tokenizer = tokenizer;
        this.marks = bos == ScoreOptions.Bos.ALWAYS || (bos == ScoreOptions.Bos.FAMILY && tokenizer.addsBos());
        this.longest = longest;
    }

    /**
     * Tokens of a pair.
     *
     * @param tokens context and continuation, 1 more than the model reads
     * @param from first token of the continuation, 1..tokens-1
     */
    record Pair(int[] tokens, int from) {}

    Pair encode(String context, String continuation) {
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
        if (tail.length > longest) {
            throw new TaskException("a text of " + tail.length + " tokens to score; the model reads " + longest);
        }
        int[] all = Arrays.copyOf(head, head.length + tail.length);
        System.arraycopy(tail, 0, all, head.length, tail.length);
        int[] last = all.length > longest + 1 ? Arrays.copyOfRange(all, all.length - longest - 1, all.length) : all;
        return new Pair(last, last.length - tail.length);
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
