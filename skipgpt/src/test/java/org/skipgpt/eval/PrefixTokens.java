package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.LanguageModel;

/** Tokens that the questions of a task take, each choice alone, and with what choices share computed once. */
public record PrefixTokens(long full, long shared) {
    /** Counts them as the scorer does. */
    public static PrefixTokens of(LanguageModel model, TaskData data) {
        PairEncoder encoder = new PairEncoder(
                model.tokenizer(), ScoreOptions.Bos.FAMILY, model.config().maxPositions());
        long full = 0;
        long shared = 0;
        for (Item item : data.items()) {
            List<int[]> inputs = new ArrayList<>();
            for (PairEncoder.Pair pair : PairEncoder.pairs(encoder.encode(item))) {
                inputs.add(PassScorer.input(pair));
                full += pair.tokens().length - 1;
            }
            shared += PrefixForest.of(inputs, PassScorer.WORTH).tokens();
        }
        return new PrefixTokens(full, shared);
    }
}
