package org.skipgpt.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.Budget;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.tokens.Tokenizer;

/** Text to measure on, without noise and gradients: its loss and the share that is skipped. */
record HeldOut(int[][] sequences) {
    static final String LOSS = "held-out loss";
    static final String SKIPPED = "held-out r";

    /** Documents cut to a length. */
    static HeldOut of(List<String> documents, Tokenizer tokenizer, int length) {
        List<int[]> rows = new ArrayList<>();
        for (String document : documents) {
            int[] ids = tokenizer.encodeWithBos(document);
            if (ids.length > 1) {
                rows.add(Arrays.copyOf(ids, Math.min(ids.length, length)));
            }
        }
        return new HeldOut(rows.toArray(new int[0][]));
    }

    /** The first sequences, of so many tokens together or a few more. */
    int[][] first(int tokens) {
        int count = 0;
        for (int taken = 0; count < sequences.length && taken < tokens; count++) {
            taken += sequences[count].length;
        }
        return Arrays.copyOf(sequences, count);
    }

    /** What follows so many sequences. */
    HeldOut after(int count) {
        return new HeldOut(Arrays.copyOfRange(sequences, count, sequences.length));
    }

    /** Mean next-token loss in nats, and realised skip rate. */
    Map<String, Double> measure(LanguageModel model, Budget budget) {
        Map<String, Double> row = new LinkedHashMap<>();
        if (sequences.length == 0) {
            return row;
        }
        // one by one: held-out texts have many lengths
        List<int[][]> single =
                Arrays.stream(sequences).map(s -> new int[][] {s}).toList();
        row.put(LOSS, LanguageLoss.mean(model, single).orElseThrow());
        var trace = SparsityReport.of(model, sequences).trace();
        row.put(SKIPPED, budget.rate(model.config(), trace));
        return row;
    }
}
