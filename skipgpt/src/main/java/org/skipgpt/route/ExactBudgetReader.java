package org.skipgpt.route;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.Optional;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;

/** Gives routers the exact budget that a folder keeps. */
public final class ExactBudgetReader implements PolicyReader {
    @Override
    public String method() {
        return ExactBudget.METHOD;
    }

    @Override
    public LayerPolicy read(
            JsonObject settings, Optional<TensorSource> tensors, LanguageModel over, KvPolicy kv, NDManager owner) {
        JsonFields fields = JsonFields.of(settings, "The folder's exact budget");
        double[] shares = fields.numbers("shares", Numbers.between(0, 1)).stream()
                .mapToDouble(Double::doubleValue)
                .toArray();
        ExactBudget.Way way = fields.choice("way", ExactBudget.Way.class);
        double rate = fields.number("rate", new Numbers("a number above 0", value -> value > 0));
        fields.refuseOthers();
        return ExactBudget.of(over, shares, way, rate).policy();
    }
}
