package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyAround;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/** Another policy's decisions; what skips goes through {@link Approximators} instead of passing as it is. */
record ApproximatingPolicy(LayerPolicy rest, Approximators approximators) implements PolicyAround {
    static final String METHOD = "approximators";

    @Override
    public LayerPolicy around(LayerPolicy other) {
        return new ApproximatingPolicy(other, approximators);
    }

    @Override
    public NDArray passing(ModuleSite site, NDArray in, NDArray out, Decision decision) {
        return approximators.passing(site, in, out, decision);
    }

    @Override
    public long skipParameters(ModuleSite site) {
        return approximators.parameters(site);
    }

    @Override
    public List<SavedPolicy> saved() {
        JsonObject settings = new JsonObject();
        settings.addProperty("rank", approximators.rank());
        List<SavedPolicy> parts = new ArrayList<>();
        parts.add(new SavedPolicy(METHOD, settings, approximators.named()));
        parts.addAll(rest.saved());
        return parts;
    }

    @Override
    public Identity identity() {
        return Identity.of(METHOD)
                .with("rank", approximators.rank())
                .with("weights", approximators.hash())
                .with("rest", rest.identity());
    }

    @Override
    public String describe() {
        return rest.describe() + " · approximators of rank " + approximators.rank();
    }
}
