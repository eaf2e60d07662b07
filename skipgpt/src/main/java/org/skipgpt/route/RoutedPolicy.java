package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.RowPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.vector.RowKernels;

/**
 * Learned routing at inference: a token runs a module where its router says so. No noise, no gradient.
 *
 * <pre>{@code
 * var routed = model.withPolicy(RoutedPolicy.of(gate, routers));
 * }</pre>
 */
public final class RoutedPolicy implements Dialled {
    private final Gate gate;
    private final Routers routers;
    private final Thresholds thresholds;
    private final ForcedExecution forced;
    private final KvPolicy kv;
    private final Positions positions;
    private final boolean tells;
    // Where a dial stands; empty where thresholds were set otherwise.
    private final String dial;
    // Copies of all routers, or none.
    private final List<HostRouter> onHost;

    private RoutedPolicy(
            Gate gate,
            Routers routers,
            Thresholds thresholds,
            ForcedExecution forced,
            KvPolicy kv,
            Positions positions,
            boolean tells,
            String dial,
            List<HostRouter> onHost) {
        this.gate = gate;
        this.routers = routers;
        this.thresholds = thresholds;
        this.forced = forced;
        this.kv = kv;
        this.positions = positions;
        this.tells = tells;
        this.dial = dial;
        this.onHost = onHost;
    }

    /** The learned routing of a policy, whether or not modules are dropped around it. */
    public static Optional<RoutedPolicy> in(LayerPolicy policy) {
        return policy.core() instanceof RoutedPolicy routed ? Optional.of(routed) : Optional.empty();
    }

    /** Argmax of the routers; keys and values of every token. */
    public static RoutedPolicy of(Gate gate, Routers routers) {
        Thresholds argmax = Thresholds.argmax();
        return new RoutedPolicy(
                gate, routers, argmax, ForcedExecution.none(), KvPolicy.KEEP, Positions.even(), false, "", List.of());
    }

    @Override
    public RoutedPolicy withThresholds(Thresholds other) {
        return new RoutedPolicy(gate, routers, other, forced, kv, positions, tells, "", List.of());
    }

    @Override
    public RoutedPolicy withDial(Thresholds other, double target) {
        String stands = "dial "
                + BigDecimal.valueOf(100 * target)
                        .setScale(2, RoundingMode.HALF_UP)
                        .stripTrailingZeros()
                        .toPlainString()
                + " %";
        return new RoutedPolicy(gate, routers, other, forced, kv, positions, tells, stands, List.of());
    }

    /** With rows that always execute. */
    public RoutedPolicy withForced(ForcedExecution other) {
        return new RoutedPolicy(gate, routers, thresholds, other, kv, positions, tells, dial, List.of());
    }

    /** Under another K/V policy; the checkpoint loader refuses one the routers were not tuned for. */
    public RoutedPolicy withKvPolicy(KvPolicy other) {
        return new RoutedPolicy(gate, routers, thresholds, forced, other, positions, tells, dial, List.of());
    }

    /** With thresholds that follow position besides. */
    public RoutedPolicy withPositions(Positions other) {
        Positions kept = other.isEven() ? Positions.even() : other;
        return new RoutedPolicy(gate, routers, thresholds, forced, kv, kept, tells, dial, List.of());
    }

    /** What thresholds add by position. */
    public Positions positions() {
        return positions;
    }

    /** Each decision carries its logits, for which router and choice are two calls. */
    @Override
    public RoutedPolicy withLogits() {
        return new RoutedPolicy(gate, routers, thresholds, forced, kv, positions, true, dial, List.of());
    }

    /** Its linear routers are copied to the host, where they decide about few rows. */
    @Override
    public RoutedPolicy settled() {
        if (!HostRouter.serves(routers) || tells) {
            return this;
        }
        List<HostRouter> copies = routers.all().stream().map(HostRouter::of).toList();
        return new RoutedPolicy(gate, routers, thresholds, forced, kv, positions, tells, dial, copies);
    }

    @Override
    public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
        if (forced.wholeModule(site)) {
            return Decision.all();
        }
        NDArray u = routers.config().input() == RouterConfig.Input.LAYER ? layerInput : residual; // (N, D)
        double threshold = threshold(site);
        if (!positions.isEven()) {
            return byPosition(site, u, threshold, rows);
        }
        if (!onHost.isEmpty() && HostRouter.serves(rows)) {
            HostRouter own = onHost.get(routers.index(site));
            float[] open = own.choose(u.toFloatArray(), threshold, forced.rows(rows));
            return Decision.gated(u.getManager(), open); // (N)
        }
        if (!tells) {
            return Decision.gated(gate.choose(routers.of(site), u, threshold, forced, rows)); // (N)
        }
        NDArray logits = gate.logits(routers.of(site), u); // (N, 2)
        return Decision.gated(gate.choose(logits, threshold, forced, rows)).withLogits(logits); // (N)
    }

    private Decision byPosition(ModuleSite site, NDArray u, double threshold, Rows rows) {
        float[] each = positions.thresholds(threshold, decides(site).module(), rows);
        if (!onHost.isEmpty() && HostRouter.serves(rows)) {
            float[] open = onHost.get(routers.index(site)).choose(u.toFloatArray(), each, forced.rows(rows));
            return Decision.gated(u.getManager(), open); // (N)
        }
        NDArray logits = gate.logits(routers.of(site), u); // (N, 2)
        Decision decision = Decision.gated(gate.choose(logits, each, forced, rows)); // (N)
        return tells ? decision.withLogits(logits) : decision;
    }

    private double threshold(ModuleSite site) {
        return thresholds.at(decides(site).index());
    }

    // A coupled pair shares one router and one input, so that both modules decide alike.
    private ModuleSite decides(ModuleSite site) {
        return routers.config().coupled() ? new ModuleSite(site.layer(), ModuleKind.ATTENTION) : site;
    }

    /** Every form of router; none where logits are told beside decisions, or routers lie on a GPU. */
    @Override
    public Optional<RowPolicy> ofOneRow(RowKernels kernels) {
        if (tells || routers.parameters().get(0).getDevice().isGpu()) {
            return Optional.empty();
        }
        List<RowRouter> own = routers.all().stream()
                .map(router -> RowRouter.of(router, kernels))
                .toList();
        boolean readsLayer = routers.config().input() == RouterConfig.Input.LAYER;
        return Optional.of((site, residual, layerInput, token, position) -> {
            if (forced.wholeModule(site) || forced.isFirst(position)) {
                return 1;
            }
            float margin = own.get(routers.index(site)).margin(readsLayer ? layerInput : residual);
            double limit = threshold(site);
            if (!positions.isEven()) {
                limit += positions.at(decides(site).module(), position);
            }
            return margin >= (float) limit ? 1 : 0;
        });
    }

    /** The gate arithmetic. */
    public Gate gate() {
        return gate;
    }

    /** The routers. */
    public Routers routers() {
        return routers;
    }

    @Override
    public Thresholds thresholds() {
        return thresholds;
    }

    /** The rows that always execute. */
    public ForcedExecution forced() {
        return forced;
    }

    @Override
    public KvPolicy kvPolicy() {
        return kv;
    }

    /** Gumbel noise at temperature 1, as the authors' code has it in its second stage. */
    @Override
    public LayerPolicy drawn(long seed) {
        LearningPolicy.Setting setting =
                new LearningPolicy.Setting(1, 1, forced, ExecutionBounds.none(), kv, 0, positions);
        return new LearningPolicy(gate, routers, setting, Noise.gumbel(gate, seed));
    }

    @Override
    public long parameters(ModuleSite site) {
        RouterConfig config = routers.config();
        // A router whose module always runs is never asked.
        return forced.wholeModule(site) || (config.coupled() && site.module() == ModuleKind.MLP)
                ? 0
                : routers.of(site).parameters().stream()
                        .mapToLong(p -> p.getShape().size())
                        .sum();
    }

    /** Nothing: every folder has a place for routers. */
    @Override
    public List<SavedPolicy> saved() {
        return List.of();
    }

    /** The decisions' whole cause: router weights by their hash, thresholds, forced rows, K/V policy. */
    @Override
    public Identity identity() {
        RouterConfig c = routers.config();
        String hash = routers.hash();
        Identity all = Identity.of("routers")
                .with("form", c.form())
                .with("input", c.input())
                .with("norm", c.norm(), RouterConfig.Norm.NONE)
                .with("bias", c.bias())
                .with("coupled", c.coupled(), false)
                .with("thresholds", thresholds.logits())
                .with("firstTokens", forced.firstTokens(), 0)
                .with("layers", forced.layers(), List.of())
                .with("kv", kv)
                .with("positions", positions, Positions.even())
                .with("weights", hash);
        // Nothing that follows position was stored before there was a place for it here.
        return !positions.isEven()
                ? all
                : all.formerly(
                        "routers · " + form() + " · " + keeping() + " · RouterConfig[form=" + c.form() + ", input="
                                + c.input() + ", norm=" + c.norm() + ", bias=" + c.bias() + ", hidden=" + c.hidden()
                                + ", coupled=" + c.coupled() + "] · " + thresholds + " · ForcedExecution[firstTokens="
                                + forced.firstTokens() + ", layers=" + forced.layers() + "] · " + hash);
    }

    /** Its routers, and of thresholds and K/V policy what is not the usual. */
    @Override
    public String describe() {
        String usual = thresholds.isArgmax() ? "" : " · " + thresholds.describe();
        return "routers · " + form() + (dial.isEmpty() ? usual : " · " + dial)
                + (kv == KvPolicy.KEEP ? "" : " · " + keeping())
                + (positions.isEven() ? "" : " · by position");
    }

    private String form() {
        return routers.config().form().name().toLowerCase(Locale.ROOT);
    }

    private String keeping() {
        return "K/V " + kv.name().toLowerCase(Locale.ROOT);
    }
}
