package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyAround;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/** Leaves out the same modules for every token; about what is left another policy decides. */
record DropPolicy(DropPlan plan, LayerPolicy rest) implements PolicyAround {
    @Override
    public LayerPolicy around(LayerPolicy other) {
        return new DropPolicy(plan, other);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return isDropped(site) ? Decision.none() : rest.decide(site, residual, layerInput, rows);
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return isDropped(site) || rest.isConstant(site);
    }

    @Override
    public boolean isDropped(ModuleSite site) {
        return plan.dropped().contains(site) || rest.isDropped(site);
    }

    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        return rest.ofOneRow(kernels)
                .map(left -> (site, residual, layerInput, token, position) ->
                        isDropped(site) ? 0 : left.weight(site, residual, layerInput, token, position));
    }

    @Override
    public long parameters(ModuleSite site) {
        return isDropped(site) ? 0 : rest.parameters(site);
    }

    @Override
    public List<SavedPolicy> saved() {
        List<SavedPolicy> parts = new ArrayList<>();
        parts.add(SavedPolicy.of(
                DropReader.METHOD, JsonParser.parseString(plan.json()).getAsJsonObject()));
        parts.addAll(rest.saved());
        return parts;
    }

    @Override
    public Identity identity() {
        Identity dense = LayerPolicy.dense().identity();
        Identity inner = rest.identity();
        Identity own = Identity.of("drop")
                .with(
                        "modules",
                        plan.dropped().stream().map(ModuleSite::toString).toList())
                .with("rest", inner, dense);
        return inner.equals(dense) ? own.formerly("drop " + plan.dropped()) : own;
    }

    @Override
    public String describe() {
        String dropped = String.format(Locale.ROOT, "%s at %.1f %%", plan.method(), 100 * plan.parameterRatio());
        boolean more = IntStream.range(0, 2 * plan.layers())
                .mapToObj(ModuleSite::of)
                .anyMatch(site -> !rest.isConstant(site) || rest.isDropped(site));
        return more ? dropped + " · " + rest.describe() : dropped;
    }
}
