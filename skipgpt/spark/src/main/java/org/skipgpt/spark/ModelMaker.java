package org.skipgpt.spark;

import java.io.Serializable;
import org.skipgpt.model.LanguageModel;

/**
 * Makes the model that a task measures of the dense one that the executor has; it travels, so it holds numbers, texts and paths only.
 *
 * <pre>{@code
 * ModelMaker routed = base -> SkipGpt.loadSkipGpt("/shared/routed", base);
 * }</pre>
 */
@FunctionalInterface
public interface ModelMaker extends Serializable {
    /** The model; new weights belong to the base's workspace. */
    LanguageModel make(LanguageModel base);
}
