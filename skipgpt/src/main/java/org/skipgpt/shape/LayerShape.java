package org.skipgpt.shape;

import java.util.ArrayList;
import java.util.List;

/**
 * The shape of one layer, where layers differ: what structured pruning leaves of them.
 *
 * <p>The stream that enters a layer, and its MLP, is {@code width} wide; what leaves the layer is as wide as the next one's,
 * or the model's behind the last. A stream narrower than the model's is normed as if the components it lacks were 0: the
 * mean of squares is taken over the model's width, whose square root the stored norm weights hold.
 *
 * @param heads H, query heads
 * @param kvHeads G, key/value heads; divides H
 * @param hidden F, width of the MLP
 * @param width w, of the stream that enters, 1 up to the model's D
 * @param shortcut whether the stream passes a matrix at each module, {@code x R + f(norm(x))} (SliceGPT, 2024)
 */
public record LayerShape(int heads, int kvHeads, int hidden, int width, boolean shortcut) {
    /** With other heads. */
    public LayerShape withHeads(int query, int keyValue) {
        return new LayerShape(query, keyValue, hidden, width, shortcut);
    }

    /** With an MLP of another width. */
    public LayerShape withHidden(int other) {
        return new LayerShape(heads, kvHeads, other, width, shortcut);
    }

    /** What is wrong with it in a model; nothing where it fits. */
    List<String> faults(int layer, int modelWidth) {
        List<String> faults = new ArrayList<>();
        if (heads < 1 || kvHeads < 1 || heads % Math.max(1, kvHeads) != 0) {
            faults.add("heads " + heads + "/" + kvHeads + " are not a multiple of key heads above 0");
        }
        if (hidden < 1) {
            faults.add("hidden " + hidden + " is not above 0");
        }
        if (width < 1 || width > modelWidth) {
            faults.add("width " + width + " is not in 1.." + modelWidth);
        }
        return faults.stream().map(fault -> "layer " + layer + ": " + fault).toList();
    }

    @Override
    public String toString() {
        return "attention " + heads + "/" + kvHeads + " heads, mlp " + hidden + ", width " + width
                + (shortcut ? " with shortcuts" : "");
    }
}
