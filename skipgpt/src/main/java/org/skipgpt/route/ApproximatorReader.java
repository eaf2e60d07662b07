package org.skipgpt.route;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.Optional;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;

/** Puts saved approximators around whatever decides what skips. */
public final class ApproximatorReader implements PolicyReader {
    @Override
    public String method() {
        return ApproximatingPolicy.METHOD;
    }

    @Override
    public LayerPolicy read(
            JsonObject settings, Optional<TensorSource> tensors, LanguageModel over, KvPolicy kv, NDManager owner) {
        JsonFields fields = JsonFields.of(settings, "The folder's approximators");
        int rank = fields.integer("rank", 1, over.config().width());
        fields.refuseOthers();
        TensorSource source = tensors.orElseThrow(
                () -> new CheckpointException("the folder keeps no tensors of its approximators: save it again"));
        return new ApproximatingPolicy(over.policy(), Approximators.load(owner, over.config(), rank, source));
    }
}
