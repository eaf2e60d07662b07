package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/**
 * Routing while routers learn: noisy hard gates that carry the straight-through gradient. One object a forward pass; it
 * keeps the gates for the budget loss.
 */
public final class LearningPolicy implements LayerPolicy {
    /**
     * How gates are drawn.
     *
     * @param tau temperature above 0
     * @param noiseScale factor on the noise, 1 in the paper; 0 is the argmax
     * @param forced rows that always execute
     * @param bounds fewest and most rows that execute
     * @param kv which keys and values skipped tokens leave
     * @param shift logits by which a router's margin must exceed 0 before noise; 0 in the paper
     * @param positions logits besides, by where a row stands; alike everywhere in the paper
     */
    public record Setting(
            double tau,
            double noiseScale,
            ForcedExecution forced,
            ExecutionBounds bounds,
            KvPolicy kv,
            double shift,
            Positions positions) {
        /** Paper: full noise, nothing forced, no bounds, keys and values of all tokens. */
        public static Setting at(double tau) {
            return new Setting(
                    tau, 1, ForcedExecution.none(), ExecutionBounds.none(), KvPolicy.KEEP, 0, Positions.even());
        }

        /** With thresholds raised by some logits. */
        public Setting withShift(double logits) {
            return new Setting(tau, noiseScale, forced, bounds, kv, logits, positions);
        }
    }

    private final Gate gate;
    private final Routers routers;
    private final Setting setting;
    private final Noise noise;
    private final List<NDArray> gates = new ArrayList<>();
    private final List<NDArray> logits = new ArrayList<>();

    /** For one forward pass. */
    public LearningPolicy(Gate gate, Routers routers, Setting setting, Noise noise) {
        this.gate = gate;
        this.routers = routers;
        this.setting = setting;
        this.noise = noise;
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        NDArray u = routers.config().input() == RouterConfig.Input.LAYER ? layerInput : residual; // (N, D)
        NDArray z = gate.logits(routers.of(site), u); // (N, 2)
        logits.add(z);
        NDArray shifted = setting.shift() == 0
                ? z
                : z.add(z.getManager().create(new float[] {(float) setting.shift() / 2, (float) -setting.shift() / 2}));
        ModuleSite drawn = routers.config().coupled() ? ModuleSite.of(2 * site.layer()) : site;
        if (!setting.positions().isEven()) {
            shifted = shifted.add(setting.positions().shift(z.getManager(), drawn.module(), rows)); // (N, 2)
        }
        if (setting.forced().wholeModule(site)) {
            gates.add(residual.getManager().ones(new Shape(rows.size())));
            return Decision.all();
        }
        NDArray g = noise.draw(drawn, u); // (N, 2)
        if (setting.noiseScale() != 1) {
            g = g.mul((float) setting.noiseScale());
        }
        ExecutionBounds bounds = setting.bounds().at(drawn);
        NDList sampled = gate.sample(shifted, g, setting.tau(), bounds, setting.forced(), rows);
        gates.add(sampled.get(0)); // (N)
        return Decision.gated(sampled.get(0)).withLogits(z);
    }

    /** Gates (N) of the modules decided so far, in forward order; they carry the gradient. */
    public List<NDArray> gates() {
        return List.copyOf(gates);
    }

    /** Router logits (N, 2) of the modules decided so far. */
    public List<NDArray> logits() {
        return List.copyOf(logits);
    }

    @Override
    public KvPolicy kvPolicy() {
        return setting.kv();
    }

    /** None: decisions are drawn anew in each pass, so nothing is stored under them. */
    @Override
    public Identity identity() {
        throw new IllegalStateException("routers that learn decide by draws, under which no result is stored: evaluate"
                + " the tuned model, whose routers decide without noise");
    }

    @Override
    public String describe() {
        return "learning routers at temperature " + setting.tau();
    }
}
