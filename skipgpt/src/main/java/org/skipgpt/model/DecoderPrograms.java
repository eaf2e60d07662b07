package org.skipgpt.model;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.weights.DecoderWeights;

/**
 * The compiled decoder: at each place that has layers one program where all layers have one shape, else one for each shape there is.
 *
 * @param base embedding, head and loss, and what takes rows of a stream and adds to it wherever that is
 * @param bases the same of each layer's place, L
 * @param ofLayers the modules of each layer, L
 * @param reorders whether each layer's program takes its matrices in the kernels' order, L, see {@link DecoderProgram#reorders}
 * @param cacheBytes bytes of one number in each layer's K/V cache, L
 */
record DecoderPrograms(
        TorchProgram base,
        List<TorchProgram> bases,
        List<TorchProgram> ofLayers,
        List<Boolean> reorders,
        List<Integer> cacheBytes,
        boolean graph)
        implements AutoCloseable {
    /**
     * Compiles what a configuration needs.
     *
     * @param inference use CPU kernels that record no gradient
     * @param mixed multiply fp32 weights in bf16
     * @param adapter whose projections get a low-rank correction
     */
    static DecoderPrograms compile(
            DecoderWeights weights, DecoderConfig config, boolean inference, boolean mixed, Optional<Adapter> adapter) {
        Dtype dtype = weights.dtype();
        Map<NDManager, Compiled> compiled = new HashMap<>();
        Function<NDManager, Compiled> making =
                owner -> new Compiled(new DecoderProgram(owner, config, dtype, inference, mixed, adapter));
        LayerShape whole = new LayerShape(config.heads(), config.kvHeads(), config.hidden(), config.width(), false);
        TorchProgram base = compiled.computeIfAbsent(weights.manager(), making).of(whole);
        List<TorchProgram> bases = new ArrayList<>();
        List<TorchProgram> ofLayers = new ArrayList<>();
        List<Boolean> reorders = new ArrayList<>();
        List<Integer> cacheBytes = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            NDManager owner = weights.places().owner(layer);
            Compiled there = compiled.computeIfAbsent(owner, making);
            bases.add(there.of(whole));
            ofLayers.add(there.of(config.layer(layer)));
            reorders.add(DecoderProgram.reorders(owner, dtype, inference));
            cacheBytes.add(DecoderProgram.cacheBytes(owner, config, dtype));
        }
        return new DecoderPrograms(base, bases, ofLayers, reorders, cacheBytes, !inference);
    }

    /** The programs of one place. */
    private record Compiled(DecoderProgram parts, Map<List<Object>, TorchProgram> ofShapes) {
        Compiled(DecoderProgram parts) {
            this(parts, new HashMap<>());
        }

        TorchProgram of(LayerShape shape) {
            return ofShapes.computeIfAbsent(constants(shape), key -> parts.compile(shape));
        }
    }

    // Of a shape these alone are written into the text; arrays say the rest.
    private static List<Object> constants(LayerShape shape) {
        return List.of(shape.heads(), shape.kvHeads(), shape.width());
    }

    /** The same in inference mode, see {@link TorchProgram#inference}. */
    DecoderPrograms inference() {
        return new DecoderPrograms(
                base.inference(), inference(bases), inference(ofLayers), reorders, cacheBytes, graph);
    }

    private static List<TorchProgram> inference(List<TorchProgram> programs) {
        return programs.stream().map(TorchProgram::inference).toList();
    }

    @Override
    public void close() {
        base.close();
        bases.forEach(TorchProgram::close);
        ofLayers.forEach(TorchProgram::close);
    }
}
