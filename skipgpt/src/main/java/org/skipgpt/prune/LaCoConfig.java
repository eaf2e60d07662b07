package org.skipgpt.prune;

import java.util.ArrayList;
import java.util.List;

/**
 * How LaCo merges.
 *
 * @param merge what becomes of the matrices
 * @param size C: layers that become one, 2 or more
 * @param interval I: how far down to go after a merge, 1 or more
 * @param highest H: where merging begins, from the top
 * @param lowest lowest layer into which others are merged
 * @param similarity T: least mean cosine of the last hidden states, -1..1
 * @param depth fewest layers left; merging stops there
 */
public record LaCoConfig(Merge merge, int size, int interval, int highest, int lowest, double similarity, int depth) {
    /** What becomes of the matrices of layers l..l+m. */
    public enum Merge {
        /** The released notebook: its running subtrahend leaves exactly layer l+m's matrices. */
        OFFICIAL,
        /** The paper: layer l plus every follower's difference from it. */
        PAPER,
        /** The mean of all. */
        MEAN
    }

    /** Checks every field; all faults are told at once. */
    public LaCoConfig {
        List<String> faults = new ArrayList<>();
        if (size < 2) {
            faults.add("size " + size + " is not allowed: expected 2 layers or more; use withSize(4)");
        }
        if (interval < 1) {
            faults.add("interval " + interval + " is not allowed: expected 1 or more; use withInterval(1)");
        }
        if (highest < size || lowest < 0) {
            faults.add("layers " + lowest + ".." + highest + " are not allowed: expected 0 or more, and at least "
                    + size + " at the top; use withLayers(0, highest)");
        }
        if (!(similarity >= -1 && similarity <= 1)) {
            faults.add("similarity " + similarity + " is not allowed: expected -1..1; use withSimilarity(0.45)");
        }
        if (depth < 1) {
            faults.add("depth " + depth + " is not allowed: expected 1 layer or more; use withDepth(24)");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("LaCo: " + String.join("; ", faults));
        }
    }

    /** The released notebook for LLaMA2-13B, from the second highest layer down: C 7, I 1, T 0.45. */
    public static LaCoConfig official(int layers) {
        return new LaCoConfig(Merge.OFFICIAL, Math.min(7, layers - 1), 1, layers - 1, 0, 0.45, 1);
    }

    /** The same with the paper's formula. */
    public static LaCoConfig paper(int layers) {
        return official(layers).withMerge(Merge.PAPER);
    }

    /** With another way to merge. */
    public LaCoConfig withMerge(Merge other) {
        return new LaCoConfig(other, size, interval, highest, lowest, similarity, depth);
    }

    /** With another number of layers that become one. */
    public LaCoConfig withSize(int layers) {
        return new LaCoConfig(merge, layers, interval, highest, lowest, similarity, depth);
    }

    /** With another interval. */
    public LaCoConfig withInterval(int layers) {
        return new LaCoConfig(merge, size, layers, highest, lowest, similarity, depth);
    }

    /** Between other layers. */
    public LaCoConfig withLayers(int from, int to) {
        return new LaCoConfig(merge, size, interval, to, from, similarity, depth);
    }

    /** With another least similarity. */
    public LaCoConfig withSimilarity(double least) {
        return new LaCoConfig(merge, size, interval, highest, lowest, least, depth);
    }

    /** Stops when so many layers are left. */
    public LaCoConfig withDepth(int layers) {
        return new LaCoConfig(merge, size, interval, highest, lowest, similarity, layers);
    }
}
