package org.skipgpt.model;

import java.util.function.Supplier;
import org.skipgpt.torch.InUse;
import org.skipgpt.weights.DecoderWeights;

/**
 * The identity of a model's base weights: of their file, or of the numbers where there is none; found when first asked for, for all
 * views together.
 */
final class BaseHash {
    private final Supplier<String> stored;
    private final DecoderWeights weights;
    private final InUse use;
    private String found = "";

    /**
     * An identity to find out.
     *
     * @param stored that of the file, hex; empty where the weights come from none
     */
    BaseHash(Supplier<String> stored, DecoderWeights weights) {
        this.stored = stored;
        this.weights = weights;
        this.use = InUse.of(weights.manager());
    }

    /** Hex; also on an interrupted thread, whose flag stays set. Numbers that change are read anew each time. */
    String find() {
        boolean interrupted = Thread.interrupted();
        try (InUse.Hold held = use.hold()) {
            return weights.isChanging() ? weights.hash() : once();
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private synchronized String once() {
        if (found.isEmpty()) {
            String given = stored.get();
            found = given.isEmpty() ? weights.hash() : given;
        }
        return found;
    }
}
