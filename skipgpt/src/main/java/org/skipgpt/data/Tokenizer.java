package org.skipgpt.data;

import java.util.OptionalInt;

/**
 * Turns text into token ids and back.
 *
 * <p>{@link #encode} adds no special token by itself; callers that want the beginning mark ask for it with
 * {@link #encodeWithBos}, which adds it where the model's family does.
 */
public interface Tokenizer {
    /** Ids of a text, without any special token; T ids. */
    int[] encode(String text);

    /** The text of some ids; special tokens are left out. */
    String decode(int[] ids);

    /** The piece of one id as the vocabulary spells it, e.g. {@code "▁the"}. */
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

    /** Whether this family puts the beginning mark before a text by itself. */
    boolean addsBos();

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
