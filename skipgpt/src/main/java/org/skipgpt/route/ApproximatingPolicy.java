package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/** Another policy's decisions; what skips goes through {@link Approximators} instead of passing as it is. */
record ApproximatingPolicy(LayerPolicy rest, Approximators approximators) implements LayerPolicy {
    static final String METHOD = "approximators";

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return rest.decide(site, residual, layerInput, rows);
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
    public boolean remembers() {
        return rest.remembers();
    }

    @Override
    public LayerPolicy growing(int sequences) {
        return new ApproximatingPolicy(rest.growing(sequences), approximators);
    }

    @Override
    public LayerPolicy forked(int... sources) {
        return new ApproximatingPolicy(rest.forked(sources), approximators);
    }

    @Override
    public NDArray leaving(int layer, NDArray in, NDArray out) {
        return rest.leaving(layer, in, out);
    }

    @Override
    public LayerPolicy settled() {
        return new ApproximatingPolicy(rest.settled(), approximators);
    }

    @Override
    public LayerPolicy withLogits() {
        return new ApproximatingPolicy(rest.withLogits(), approximators);
    }

    @Override
    public LayerPolicy drawn(long seed) {
        return new ApproximatingPolicy(rest.drawn(seed), approximators);
    }

    @Override
    public LayerPolicy core() {
        return rest.core();
    }

    @Override
    public LayerPolicy withCore(LayerPolicy other) {
        return new ApproximatingPolicy(rest.withCore(other), approximators);
    }

    @Override
    public KvPolicy kvPolicy() {
        return rest.kvPolicy();
    }

    @Override
    public boolean isCausal() {
        return rest.isCausal();
    }

    @Override
    public boolean isDropped(ModuleSite site) {
        return rest.isDropped(site);
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return rest.isConstant(site);
    }

    @Override
    public long parameters(ModuleSite site) {
        return rest.parameters(site);
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
