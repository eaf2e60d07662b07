package org.skipgpt;

import ai.djl.ndarray.NDManager;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Criterion;
import org.skipgpt.prune.LaCo;
import org.skipgpt.prune.LaCoConfig;
import org.skipgpt.prune.LlmPrunerConfig;
import org.skipgpt.prune.SliceGptConfig;
import org.skipgpt.route.Budget;
import org.skipgpt.train.TuningOptions;

/**
 * One row of a study: how a dense model becomes one that lacks or skips a share of its parameters.
 *
 * <pre>{@code
 * StudyMethod random = StudyMethod.of("random drop", (base, material) -> drop(base,
 *         plan(base, Criterion.random(Criterion.Grain.LAYERS, material.seed()), material.calibration(), material.ratio())));
 * }</pre>
 *
 * @param name what to call it in tables; cells are found again by it
 * @param skips whether anything is skipped; a row that does not is made once and not for each ratio
 * @param draws whether its result hangs on the seed; a row that does not is made once and not for each seed
 * @param maker makes the model
 */
public record StudyMethod(String name, boolean skips, boolean draws, Maker maker) implements Serializable {
    /** Makes a model from a dense one; it travels to other processes where all that it holds can be serialized. */
    @FunctionalInterface
    public interface Maker extends Serializable {
        /** The model of one cell; new weights belong to the base's workspace. */
        LanguageModel make(LanguageModel base, StudyMaterial material);
    }

    /** A method of one's own whose result hangs on the seed. */
    public static StudyMethod of(String name, Maker maker) {
        return new StudyMethod(name, true, true, maker);
    }

    /** A method that gives the same model whatever the seed. */
    public static StudyMethod fixed(String name, Maker maker) {
        return new StudyMethod(name, true, false, maker);
    }

    /** The same, healed by an adapter of the study's settings. */
    public StudyMethod healed() {
        return new StudyMethod(
                name + " + LoRA",
                skips,
                true,
                (base, material) -> SkipGpt.recover(
                                maker.make(base, material),
                                material.documents(),
                                fromText(material.options(name + " + LoRA")),
                                material.observer())
                        .model());
    }

    // Merged, narrowed and sliced models have no teacher that reads as they do, so none of the rows has one.
    private static TuningOptions fromText(TuningOptions options) {
        return options.withRouting(options.routing().withDistill(0));
    }

    /** Every method of the paper's Table 1, static ones without and with recovery, and the dense model with and without. */
    public static List<StudyMethod> paper() {
        List<StudyMethod> all = new ArrayList<>();
        all.add(new StudyMethod("Dense", false, false, (base, material) -> base));
        all.add(new StudyMethod(
                "Dense + LoRA",
                false,
                true,
                (base, material) -> SkipGpt.denseLora(
                                base, material.documents(), material.options("Dense + LoRA"), material.observer())
                        .model()));
        List<StudyMethod> pruned = List.of(
                fixed("ShortGPT", (base, m) -> SkipGpt.drop(base, SkipGpt.shortGpt(base, m.calibration(), m.ratio()))),
                dropping("Shortened LLaMA (PPL)", Criterion.perplexity(Criterion.Grain.LAYERS)),
                dropping("Shortened LLaMA (Taylor)", Criterion.taylor(Criterion.Grain.LAYERS)),
                fixed("LaCo", StudyMethod::collapsed),
                fixed(
                        "Joint Layer Drop",
                        (base, m) -> SkipGpt.drop(base, SkipGpt.jointLayerDrop(base, m.calibration(), m.ratio()))),
                fixed(
                        "LLM-Pruner",
                        (base, m) -> SkipGpt.llmPruner(
                                        base,
                                        LlmPrunerConfig.matching(base.config(), m.ratio()),
                                        m.calibration(),
                                        m.observer())
                                .model()),
                fixed(
                        "SliceGPT",
                        (base, m) -> SkipGpt.sliceGpt(
                                        base,
                                        SliceGptConfig.matching(base.config(), m.ratio()),
                                        m.calibration(),
                                        m.observer())
                                .model()));
        all.addAll(pruned);
        pruned.forEach(method -> all.add(method.healed()));
        all.add(of(
                "MoD-D",
                (base, m) -> SkipGpt.tuneMixture(base, 1 - m.ratio(), m.documents(), m.options("MoD-D"), m.observer())
                        .model()));
        all.add(of(
                "SkipGPT-Joint",
                (base, m) -> turned(
                        SkipGpt.tuneJoint(base, m.ratio(), m.documents(), m.options("SkipGPT-Joint"), m.observer())
                                .model(),
                        m)));
        all.add(of("SkipGPT-RT", StudyMethod::routed));
        all.add(of(
                "SkipGPT-RT-L",
                (base, m) -> turned(
                        SkipGpt.tuneLora(routed(base, m), m.documents(), m.options("SkipGPT-RT-L"), m.observer())
                                .model(),
                        m)));
        return all;
    }

    private static StudyMethod dropping(String name, Criterion criterion) {
        return fixed(
                name,
                (base, m) -> SkipGpt.drop(
                        base,
                        SkipGpt.rank(base, criterion, m.calibration(), m.observer())
                                .plan(m.ratio())));
    }

    // Both rows that begin with it learn it once: its run is kept under its own name.
    private static LanguageModel routed(LanguageModel base, StudyMaterial material) {
        return turned(
                SkipGpt.tuneRouters(
                                base,
                                material.ratio(),
                                material.documents(),
                                material.options("SkipGPT-RT"),
                                material.observer())
                        .model(),
                material);
    }

    // A budget may count modules and may be missed; rows compare at one share of the block parameters, so thresholds
    // are
    // turned until the kept texts skip it.
    private static LanguageModel turned(LanguageModel routed, StudyMaterial material) {
        double ratio = material.ratio();
        return SkipGpt.budgetDial(routed, Budget.Kind.PARAMS, material.kept(), ratio)
                .set(routed, ratio);
    }

    // LaCo stops where its threshold says; the highest one that leaves as few layers as the ratio asks for is searched.
    private static LanguageModel collapsed(LanguageModel base, StudyMaterial material) {
        int layers = base.config().layers();
        int depth = Math.max(1, (int) Math.round(layers * (1 - material.ratio())));
        LaCoConfig config = LaCoConfig.official(layers)
                .withSize(Math.max(2, Math.min(4, layers - depth + 1)))
                .withDepth(depth);
        Optional<LaCo> best = Optional.empty();
        for (double threshold : new double[] {0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.35, 0.2, 0, -1}) {
            NDManager owner = base.scope();
            LaCo tried =
                    LaCo.run(base, config.withSimilarity(threshold), material.pieces(base), owner, material.observer());
            if (tried.model().config().layers() == depth) {
                return tried.model();
            }
            if (best.isEmpty()
                    || tried.model().config().layers()
                            < best.get().model().config().layers()) {
                best.ifPresent(
                        worse -> worse.model().decoder().weights().manager().close());
                best = Optional.of(tried);
            } else {
                owner.close();
            }
        }
        return best.orElseThrow().model();
    }
}
