package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Texts cut where they part, so that what several begin with stands once.
 *
 * <p>The pieces of a text, from its beginning on, are the text. A shared beginning becomes a piece of its own where it
 * is long enough; else each text keeps its copy. Equal texts are always one.
 *
 * <p>Example: {@code abcx, abcy, q} with 2 tokens long enough become the pieces {@code abc}, {@code x} and {@code y}
 * (both continue the first), and {@code q}.
 */
final class PrefixForest {
    private final int worth;
    private final List<int[]> pieces = new ArrayList<>();
    private final List<Integer> parents = new ArrayList<>();
    private final List<Integer> firsts = new ArrayList<>();
    private final int[] lastPiece;

    private record Text(int place, int[] tokens) {}

    private PrefixForest(int texts, int worth) {
        this.worth = worth;
        this.lastPiece = new int[texts];
    }

    /**
     * Cuts texts.
     *
     * @param texts token ids; none empty
     * @param worth tokens from which on a shared beginning stands once, 1 or more
     */
    static PrefixForest of(List<int[]> texts, int worth) {
        List<Text> sorted = new ArrayList<>();
        for (int i = 0; i < texts.size(); i++) {
            sorted.add(new Text(i, texts.get(i)));
        }
        sorted.sort(Comparator.comparing(Text::tokens, Arrays::compare));
        PrefixForest forest = new PrefixForest(texts.size(), worth);
        forest.add(sorted, -1, 0);
        return forest;
    }

    // The first `stands` tokens, which all these texts share, are pieces already.
    private void add(List<Text> texts, int parent, int stands) {
        int[] first = texts.get(0).tokens();
        int[] last = texts.get(texts.size() - 1).tokens();
        int shared = Arrays.mismatch(first, last);
        shared = shared < 0 ? first.length : shared;
        boolean equal = shared == first.length && shared == last.length;
        int trunk = parent;
        int from = stands;
        if (shared > stands && (equal || (texts.size() > 1 && shared - stands >= worth))) {
            trunk = piece(first, stands, shared, parent);
            from = shared;
        }
        int begin = 0;
        while (begin < texts.size() && texts.get(begin).tokens().length == shared) {
            begin++;
        }
        if (begin > 0) {
            int end = from == shared ? trunk : piece(first, from, shared, trunk);
            texts.subList(0, begin).forEach(text -> lastPiece[text.place()] = end);
        }
        while (begin < texts.size()) {
            int end = begin;
            while (end < texts.size()
                    && texts.get(end).tokens()[shared] == texts.get(begin).tokens()[shared]) {
                end++;
            }
            add(texts.subList(begin, end), trunk, from);
            begin = end;
        }
    }

    private int piece(int[] tokens, int from, int to, int parent) {
        pieces.add(Arrays.copyOfRange(tokens, from, to));
        parents.add(parent);
        firsts.add(from);
        return pieces.size() - 1;
    }

    /** Token ids of each piece. */
    int[][] pieces() {
        return pieces.toArray(new int[0][]);
    }

    /** The piece each one continues, earlier in the list; -1 for a text's beginning. */
    int[] parents() {
        return parents.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Whether any piece continues another. */
    boolean isBranching() {
        return parents.stream().anyMatch(parent -> parent >= 0);
    }

    /**
     * The rows of a text's tokens where pieces lie one after another.
     *
     * @param starts first row of each piece
     */
    long[] rows(int text, int[] starts) {
        int piece = lastPiece[text];
        long[] rows = new long[firsts.get(piece) + pieces.get(piece).length];
        int to = rows.length;
        while (piece >= 0) {
            int from = firsts.get(piece);
            for (int t = from; t < to; t++) {
                rows[t] = starts[piece] + (long) t - from;
            }
            to = from;
            piece = parents.get(piece);
        }
        return rows;
    }

    /** Tokens of all pieces. */
    int tokens() {
        return pieces.stream().mapToInt(piece -> piece.length).sum();
    }
}
