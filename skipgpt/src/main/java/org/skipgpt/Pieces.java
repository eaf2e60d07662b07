package org.skipgpt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.tokens.TokenTexts;

/** Texts as the verbs cut them into tokens. */
final class Pieces {
    /** Tokens of a piece that calibration reads. */
    private static final int CALIBRATION = 256;

    private Pieces() {}

    /** Whole texts, in pieces as long as the model's context. */
    static List<int[]> of(LanguageModel model, List<String> texts) {
        return of(model, texts, model.config().maxPositions());
    }

    /** Whole texts, in pieces that calibrate criteria. */
    static List<int[]> calibration(LanguageModel model, List<String> texts) {
        return of(model, texts, CALIBRATION);
    }

    /** Whole texts, in pieces of at most so many tokens and no longer than the model's context. */
    static List<int[]> of(LanguageModel model, List<String> texts, int tokens) {
        List<int[]> pieces = new ArrayList<>();
        for (String text : texts) {
            pieces.addAll(TokenTexts.cut(
                    model.tokenizer(), text, Math.min(tokens, model.config().maxPositions())));
        }
        if (pieces.isEmpty()) {
            throw new IllegalArgumentException("the list of texts is empty: give at least one");
        }
        return pieces;
    }

    /** Each text cut at the model's context: a trace has no use for positions the model never saw. */
    static int[][] beginnings(LanguageModel model, List<String> texts) {
        int most = model.config().maxPositions();
        return texts.stream()
                .map(text -> model.tokenizer().encodeWithBos(text))
                .map(ids -> ids.length > most ? Arrays.copyOf(ids, most) : ids)
                .toArray(int[][]::new);
    }
}
