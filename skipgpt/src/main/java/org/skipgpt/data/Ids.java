package org.skipgpt.data;

/** Checks of token ids. */
final class Ids {
    private Ids() {}

    static int check(int id, int vocabSize) {
        if (id < 0 || id >= vocabSize) {
            throw new IllegalArgumentException("token id " + id + " is not in the vocabulary: allowed 0.."
                    + (vocabSize - 1) + "; is this the model's own tokenizer?");
        }
        return id;
    }
}
