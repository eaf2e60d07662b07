package org.skipgpt.prune;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.Optional;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;

/** Drops a saved plan's modules again, around whatever decides about the rest. */
public final class DropReader implements PolicyReader {
    static final String METHOD = "drop";

    @Override
    public String method() {
        return METHOD;
    }

    @Override
    public LayerPolicy read(
            JsonObject settings, Optional<TensorSource> tensors, LanguageModel over, KvPolicy kv, NDManager owner) {
        return DropPlan.of(JsonFields.of(settings, "The folder's drop plan"))
                .applyTo(over)
                .policy();
    }
}
