package org.skipgpt.model;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.TorchProgram;

/**
 * The compiled decoder: one program where all layers have one shape, else one for each shape there is.
 *
 * @param base embedding, rotary angles, head, loss, and what adds outputs to a stream
 * @param ofLayers the modules of each layer, L
 */
record DecoderPrograms(TorchProgram base, List<TorchProgram> ofLayers, boolean graph) implements AutoCloseable {
    /**
     * Compiles what a configuration needs.
     *
     * @param inference use CPU kernels that record no gradient
     * @param mixed multiply fp32 weights in bf16
     * @param adapter whose projections get a low-rank correction
     */
    static DecoderPrograms compile(
            NDManager owner,
            DecoderConfig config,
            Dtype dtype,
            boolean inference,
            boolean mixed,
            Optional<Adapter> adapter) {
        Map<List<Object>, TorchProgram> compiled = new HashMap<>();
        DecoderProgram parts = new DecoderProgram(owner, config, dtype, inference, mixed, adapter);
        LayerShape whole = new LayerShape(config.heads(), config.kvHeads(), config.hidden(), config.width(), false);
        TorchProgram base = compiled.computeIfAbsent(constants(whole), key -> parts.compile(whole));
        List<TorchProgram> ofLayers = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            LayerShape shape = config.layer(layer);
            ofLayers.add(compiled.computeIfAbsent(constants(shape), key -> parts.compile(shape)));
        }
        return new DecoderPrograms(base, ofLayers, !inference);
    }

    // Of a shape these alone are written into the text; arrays say the rest.
    private static List<Object> constants(LayerShape shape) {
        return List.of(shape.heads(), shape.kvHeads(), shape.width());
    }

    /** The same in inference mode, see {@link TorchProgram#inference}. */
    DecoderPrograms inference() {
        return new DecoderPrograms(
                base.inference(), ofLayers.stream().map(TorchProgram::inference).toList(), graph);
    }

    @Override
    public void close() {
        base.close();
        ofLayers.forEach(TorchProgram::close);
    }
}
