package org.skipgpt.train;

import java.util.List;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.DecoderConfig;

/** Facts that several ways of learning are known by, and the texts that earlier versions made of them. */
final class RunFacts {
    private RunFacts() {}

    /** A model's shape and its weights by their hash. */
    static Identity of(LanguageModel model) {
        return of(model.config()).with("weights", model.hash());
    }

    /** A model's shape alone, for weights that are what is learned. */
    static Identity of(DecoderConfig shape) {
        return Identity.of("model")
                .with("family", shape.family())
                .with("parameters", shape.parameters())
                .with("layers", shape.layers())
                .with("heads", shape.heads())
                .with("kvHeads", shape.kvHeads())
                .with("headDim", shape.headDim())
                .with("hidden", shape.hidden())
                .with("width", shape.width())
                .with("vocabulary", shape.vocabulary())
                .with("context", shape.maxPositions())
                .with("shapes", shape.shapes(), List.of());
    }

    static String former(LanguageModel model) {
        return model.config() + " · " + model.hash();
    }

    static String former(LoraConfig adapter) {
        return adapter.rank() + "/" + adapter.alpha() + "/" + adapter.dropout() + " on "
                + adapter.targets().stream().sorted().toList();
    }
}
