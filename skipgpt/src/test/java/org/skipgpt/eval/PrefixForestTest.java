package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PrefixForestTest {
    @Test
    void textsPartWhereTheyDiffer() {
        PrefixForest forest = forest(2, "abcx", "q", "abcy", "abcyz");

        assertThat(forest.pieces()).isDeepEqualTo(new int[][] {{'a', 'b', 'c'}, {'x'}, {'y'}, {'y', 'z'}, {'q'}});
        assertThat(forest.parents()).containsExactly(-1, 0, 0, 0, -1);
        assertThat(forest.rows(3, new int[] {0, 3, 4, 5, 7})).containsExactly(0, 1, 2, 5, 6);
    }

    @Test
    void equalTextsAreOneAndShortBeginningsAreCopied() {
        PrefixForest forest = forest(Integer.MAX_VALUE, "ab", "abc", "ab");

        assertThat(forest.pieces()).isDeepEqualTo(new int[][] {{'a', 'b'}, {'a', 'b', 'c'}});
        assertThat(forest.isBranching()).isFalse();
        assertThat(forest.rows(0, new int[] {0, 2})).isEqualTo(forest.rows(2, new int[] {0, 2}));
    }

    @Test
    void thePiecesOfATextAreTheText() {
        Random random = new Random(5);
        for (int round = 0; round < 300; round++) {
            List<int[]> texts = new ArrayList<>();
            for (int i = 0; i < 1 + random.nextInt(12); i++) {
                texts.add(random.ints(1 + random.nextInt(9), 0, 2).toArray());
            }
            int worth = 1 + random.nextInt(4);
            PrefixForest forest = PrefixForest.of(texts, worth);
            int[] starts = new int[forest.pieces().length + 1];
            int[] laid = new int[forest.tokens()];
            for (int p = 0; p + 1 < starts.length; p++) {
                int[] piece = forest.pieces()[p];
                starts[p + 1] = starts[p] + piece.length;
                System.arraycopy(piece, 0, laid, starts[p], piece.length);
                assertThat(piece).isNotEmpty();
                assertThat(forest.parents()[p]).isLessThan(p);
            }
            for (int i = 0; i < texts.size(); i++) {
                long[] rows = forest.rows(i, starts);
                assertThat(rows).hasSameSizeAs(texts.get(i));
                for (int t = 0; t < rows.length; t++) {
                    assertThat(laid[(int) rows[t]]).isEqualTo(texts.get(i)[t]);
                }
            }
            assertThat(forest.tokens())
                    .isLessThanOrEqualTo(
                            texts.stream().mapToInt(text -> text.length).sum());
        }
    }

    private static PrefixForest forest(int worth, String... texts) {
        return PrefixForest.of(
                Arrays.stream(texts).map(text -> text.chars().toArray()).toList(), worth);
    }
}
