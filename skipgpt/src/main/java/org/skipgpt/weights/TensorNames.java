package org.skipgpt.weights;

import java.util.ArrayList;
import java.util.List;
import org.skipgpt.io.TensorSource;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Families;

/**
 * What a folder calls the tensors of a model: folders of the bare decoder leave "model." out, and some of a tied model keep the matrix
 * under the head's name only.
 */
final class TensorNames {
    static final String EMBEDDING = "model.embed_tokens.weight";
    static final String HEAD = "lm_head.weight";
    private static final String PREFIX = "model.";

    private final DecoderConfig config;
    private final TensorSource source;
    private final List<String> prefixes;

    TensorNames(DecoderConfig config, TensorSource source) {
        this.config = config;
        this.source = source;
        this.prefixes = Families.named(config.family()).prefixes();
    }

    /** What stands before the names of layers, most usual first. */
    List<String> prefixes() {
        return prefixes;
    }

    /** The name in the folder; the given one where it has none of those that are known. */
    String stored(String name) {
        List<String> names = new ArrayList<>();
        if (name.startsWith(PREFIX)) {
            prefixes.forEach(prefix -> names.add(prefix + name.substring(PREFIX.length())));
        } else {
            names.add(name);
        }
        if (config.tiedHead() && name.equals(EMBEDDING)) {
            names.add(HEAD);
        }
        return names.stream().filter(source.names()::contains).findFirst().orElse(name);
    }
}
