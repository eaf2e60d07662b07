package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.skipgpt.loss.LanguageLoss;
import org.skipgpt.loss.Wanted;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.LayerRun;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Interruption;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * Forward and backward over all layers, with the whole graph or layer by layer.
 *
 * <p>Recomputing keeps the layers' inputs only and runs each layer twice: memory is one layer's graph plus L inputs.
 */
final class Backward {
    private final Decoder decoder;
    private final Rows rows;
    private final Wanted wanted;
    private final double weight;
    private final Predicate<ModuleSite> sure;

    Backward(Decoder decoder, Rows rows, Wanted wanted, double weight) {
        this(decoder, rows, wanted, weight, site -> false);
    }

    private Backward(Decoder decoder, Rows rows, Wanted wanted, double weight, Predicate<ModuleSite> sure) {
        this.decoder = decoder;
        this.rows = rows;
        this.wanted = wanted;
        this.weight = weight;
        this.sure = sure;
    }

    /** The same where it is known which modules run whatever is decided, so that streamed weights are read ahead. */
    Backward expecting(Predicate<ModuleSite> modules) {
        return new Backward(decoder, rows, wanted, weight, modules);
    }

    /**
     * Whole graph.
     *
     * @param layers run with a graph
     * @param extra after the forward pass, a scalar that is added to the loss
     * @return sends gradients back, once, and gives the loss in nats a token
     * @throws IllegalStateException if layers are streamed
     */
    Supplier<Wanted.Loss> whole(NDManager scope, LayerRun layers, Supplier<NDArray> extra) {
        if (decoder.weights().stream().isPresent()) {
            throw new IllegalStateException(
                    "the graph of a whole pass would keep the weights of every streamed layer in"
                            + " memory: recompute, where the method has withRecompute(true), or load the model with all layers in memory");
        }
        NDArray x = decoder.embed(rows); // (N, D)
        // No parameter lies before the first router, so the stream itself is made a leaf to have one graph always.
        x = Gradients.leaf(x);
        NDArray last = LayerRun.through(rows.places(), 0, decoder.config().layers(), x, layers); // (N, D)
        return () -> back(scope, last, extra);
    }

    private Wanted.Loss back(NDManager scope, NDArray x, Supplier<NDArray> extra) {
        NDArray end = Gradients.leaf(x); // (N, D)
        Wanted.Loss loss = LanguageLoss.backward(scope, decoder, end, wanted, weight);
        NDArray root = root(x, upstream(end, scope), extra.get()); // ()
        end.close();
        Gradients.backward(root);
        return loss;
    }

    /**
     * Layer by layer.
     *
     * @param layers run twice, without a graph and with one
     * @param between after the forward pass without a graph
     * @param extra after a layer was run again, a scalar that is added to the loss; what it makes belongs to the given
     *     owner, which lives as long as the layer's graph
     * @return sends gradients back, once, and gives the loss in nats a token
     */
    Supplier<Wanted.Loss> recomputed(
            NDManager scope, LayerRun layers, Runnable between, Function<NDManager, NDArray> extra) {
        return recomputed(scope, layers, between, extra, upstream -> {});
    }

    /**
     * Layer by layer.
     *
     * @param below takes the gradient of the embedded tokens, (N, D)
     */
    Supplier<Wanted.Loss> recomputed(
            NDManager scope,
            LayerRun layers,
            Runnable between,
            Function<NDManager, NDArray> extra,
            Consumer<NDArray> below) {
        List<NDArray> inputs = new ArrayList<>();
        NDArray end;
        try (var off = Torch.gradients(false);
                var coming = decoder.expect(modules(false))) {
            // What a layer makes on its way goes with its own owner, so its input is one of that owner's as well.
            LayerRun alone = (layer, entering) -> {
                NDManager here = entering.getManager();
                try (NDManager one = here.newSubManager()) {
                    NDArray in = entering.duplicate(); // (N, D)
                    in.attach(one);
                    NDArray out = layers.run(layer, in); // (N, D)
                    out.attach(here);
                    return out;
                }
            };
            end = LayerRun.through(
                    rows.places(),
                    0,
                    decoder.config().layers(),
                    decoder.embed(rows),
                    alone.keeping(inputs::add)); // (N, D)
        }
        between.run();
        return () -> again(scope, layers, inputs, end, extra, below);
    }

    // From the last layer down, each with a graph of its own.
    private Wanted.Loss again(
            NDManager scope,
            LayerRun layers,
            List<NDArray> inputs,
            NDArray end,
            Function<NDManager, NDArray> extra,
            Consumer<NDArray> below) {
        NDArray leaf = Gradients.leaf(end); // (N, D)
        Wanted.Loss loss = LanguageLoss.backward(scope, decoder, leaf, wanted, weight);
        NDArray upstream = upstream(leaf, scope); // (N, D)
        leaf.close();
        end.close();
        try (var coming = decoder.expect(modules(true))) {
            for (int i = decoder.config().layers() - 1; i >= 0; i--) {
                Interruption.check();
                NDManager here = inputs.get(i).getManager();
                upstream = moved(upstream, here); // (N, D)
                try (NDManager one = here.newSubManager()) {
                    NDArray in = Gradients.leaf(inputs.get(i)); // (N, D)
                    in.attach(one);
                    NDArray out = layers.run(i, in); // (N, D)
                    NDArray root = root(out, upstream, extra.apply(one)); // ()
                    if (out != in) {
                        out.close();
                    }
                    Gradients.backward(root);
                    upstream = upstream(in, here); // (N, D)
                }
                inputs.get(i).close();
            }
        }
        below.accept(moved(upstream, scope));
        return loss;
    }

    // Modules that surely run; gates of the others are known when their layer runs.
    private List<ModuleSite> modules(boolean lastLayerFirst) {
        List<ModuleSite> all = new ArrayList<>();
        for (int i = 0; i < decoder.config().layers(); i++) {
            int layer = lastLayerFirst ? decoder.config().layers() - 1 - i : i;
            for (ModuleKind module : ModuleKind.values()) {
                ModuleSite site = new ModuleSite(layer, module);
                if (sure.test(site)) {
                    all.add(site);
                }
            }
        }
        return all;
    }

    /**
     * A scalar whose gradient at {@code out} is {@code upstream}, which is closed: the graph holds it for as long as it
     * is needed. A dot product leaves nothing as large as the two.
     */
    private static NDArray root(NDArray out, NDArray upstream, NDArray extra) {
        try (upstream;
                NDArray a = out.flatten();
                NDArray b = upstream.flatten();
                NDArray product = a.dot(b)) {
            return product.add(Places.moved(extra, product.getManager())); // ()
        }
    }

    private static NDArray moved(NDArray upstream, NDManager to) {
        NDArray there = Places.moved(upstream, to);
        if (there != upstream) {
            upstream.close();
        }
        return there;
    }

    private static NDArray upstream(NDArray leaf, NDManager scope) {
        NDArray gradient = Gradients.of(leaf);
        gradient.attach(scope);
        return gradient;
    }
}
