package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import java.util.Locale;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.ModuleSite;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;

/** Leaves out the same modules for every token. */
record DropPolicy(DropPlan plan) implements LayerPolicy {
    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        return isDropped(site) ? Decision.none() : Decision.all();
    }

    @Override
    public boolean isConstant(ModuleSite site) {
        return true;
    }

    @Override
    public boolean isDropped(ModuleSite site) {
        return plan.dropped().contains(site);
    }

    @Override
    public Identity identity() {
        return Identity.of("drop")
                .with(
                        "modules",
                        plan.dropped().stream().map(ModuleSite::toString).toList())
                .formerly("drop " + plan.dropped());
    }

    @Override
    public String describe() {
        return String.format(Locale.ROOT, "%s at %.1f %%", plan.method(), 100 * plan.parameterRatio());
    }
}
