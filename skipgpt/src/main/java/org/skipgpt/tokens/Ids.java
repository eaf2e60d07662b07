package org.skipgpt.tokens;

/** Checks of token ids. */
final class Ids {
    private Ids() {}

    /**
     * Whether an id has a piece. A model's head may be wider than its vocabulary, so larger ids stand for nothing.
     *
     * @throws IllegalArgumentException for an id below 0
     */
    static boolean isKnown(int id, int vocabSize) {
        if (id < 0) {
            throw new IllegalArgumentException("token id " + id + " is none: expected 0.." + (vocabSize - 1)
                    + "; larger ids, which a wider head can give, stand for nothing");
        }
        return id < vocabSize;
    }
}
