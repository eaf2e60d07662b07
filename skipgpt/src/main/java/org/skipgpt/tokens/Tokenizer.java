package org.skipgpt.tokens;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.skipgpt.data.DataException;

/**
 * Turns text into token ids and back.
 *
 * <p>{@link #encode} adds no special token by itself; callers that want the beginning mark ask for it with
 * {@link #encodeWithBos}, which adds it where the model's family does.
 */
public interface Tokenizer {
    /** Ids of a text, without any special token; T ids. */
    int[] encode(String text);

    /** The text of some ids; special tokens and ids beyond the vocabulary are left out. */
    String decode(int[] ids);

    /** The piece of one id as the vocabulary spells it, e.g. {@code "▁the"}; empty for an id beyond the vocabulary. */
    String piece(int id);

    /**
     * The piece of one id as people read it, spelled alike in every vocabulary: spaces as {@code ▁}, line ends as
     * {@code ↵}, other controls and parts of a character as their bytes, e.g. {@code <0xE2>}.
     */
    default String readable(int id) {
        return PieceText.of(piece(id));
    }

    /** How many ids there are; ids are 0..vocabSize-1. */
    int vocabSize();

    /** The beginning-of-text id, where the vocabulary has one. */
    OptionalInt bos();

    /** The end-of-text id, where the vocabulary has one. */
    OptionalInt eos();

    /** The ids after which a text is done: the end mark, and what else the model's folder names as one. */
    default Set<Integer> ends() {
        return eos().isPresent() ? Set.of(eos().getAsInt()) : Set.of();
    }

    /** Whether this family puts the end mark behind a text by itself; texts to be continued go without it. */
    default boolean addsEos() {
        return false;
    }

    /** Whether this family puts the beginning mark before a text by itself. */
    boolean addsBos();

    /** The checkpoint's way of writing a conversation, where its files have one. */
    default Optional<ChatTemplate> chat() {
        return Optional.empty();
    }

    /**
     * Ids of a conversation, written by the checkpoint's own template up to where the answer begins.
     *
     * @throws DataException if the checkpoint has no template, or its template refuses the conversation
     */
    default int[] encodeChat(List<ChatMessage> messages) {
        ChatTemplate template = chat().orElseThrow(() -> new DataException(this + " has no chat template that is read:"
                + " looked for chat_template.jinja and tokenizer_config.json beside a tokenizer.json; write the"
                + " conversation as a text and generate from that"));
        return encode(template.render(messages, true));
    }

    /** Ids of a text with the marks that the family puts at both ends, as transformers gives them. */
    default int[] encodeWithMarks(String text) {
        int[] ids = encodeWithBos(text);
        if (!addsEos() || eos().isEmpty()) {
            return ids;
        }
        int[] marked = Arrays.copyOf(ids, ids.length + 1);
        marked[ids.length] = eos().getAsInt();
        return marked;
    }

    /** Ids of a text with the beginning mark first where the family has that habit. */
    default int[] encodeWithBos(String text) {
        int[] ids = encode(text);
        if (!addsBos() || bos().isEmpty()) {
            return ids;
        }
        int[] marked = new int[ids.length + 1];
        marked[0] = bos().getAsInt();
        System.arraycopy(ids, 0, marked, 1, ids.length);
        return marked;
    }
}
