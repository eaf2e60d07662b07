package org.skipgpt;

import ai.djl.ndarray.NDManager;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Criterion;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.prune.LaCo;
import org.skipgpt.prune.LaCoConfig;
import org.skipgpt.prune.LlmPrunerConfig;
import org.skipgpt.prune.SliceGptConfig;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.Dialled;
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
    // What LlmPrunerConfig.matching looks at: 0 to 0.95.
    private static final int THOUSANDTHS = 951;

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
                (base, material) -> material.tuned(SkipGpt.recover(
                        maker.make(base, material),
                        material.documents(),
                        fromText(material.options(name + " + LoRA")),
                        material.observer())));
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
                (base, material) -> material.tuned(SkipGpt.tuneDenseLora(
                        base, material.documents(), material.options("Dense + LoRA"), material.observer()))));
        List<StudyMethod> pruned = List.of(
                fixed("ShortGPT", (base, m) -> planned(base, SkipGpt.shortGpt(base, m.calibration(), m.ratio()), m)),
                dropping("Shortened LLaMA (PPL)", Criterion.perplexity(Criterion.Grain.LAYERS)),
                dropping("Shortened LLaMA (Taylor)", Criterion.taylor(Criterion.Grain.LAYERS)),
                fixed("LaCo", StudyMethod::collapsed),
                fixed(
                        "Joint Layer Drop",
                        (base, m) -> planned(base, SkipGpt.jointLayerDrop(base, m.calibration(), m.ratio()), m)),
                fixed("LLM-Pruner", (base, m) -> {
                    LlmPrunerConfig config = LlmPrunerConfig.matching(base.config(), m.ratio());
                    m.notes().searched("share of heads and channels of the pruned layers", config.ratio(), THOUSANDTHS);
                    return SkipGpt.llmPruner(base, config, m.calibration(), m.observer())
                            .model();
                }),
                fixed("SliceGPT", (base, m) -> {
                    SliceGptConfig config = SliceGptConfig.matching(base.config(), m.ratio());
                    m.notes()
                            .searched(
                                    "width of the stream",
                                    config.width(),
                                    base.config().width());
                    return SkipGpt.sliceGpt(base, config, m.calibration(), m.observer())
                            .model();
                }));
        all.addAll(pruned);
        pruned.forEach(method -> all.add(method.healed()));
        all.add(of(
                "MoD-D",
                (base, m) -> turned(
                        m.tuned(SkipGpt.tuneMixture(base, m.documents(), m.ratio(), m.options("MoD-D"), m.observer())),
                        m)));
        all.add(of(
                "D-LLM",
                (base, m) -> turned(
                        m.tuned(SkipGpt.tuneDLlm(
                                base, DLlmForm.of(m.ratio()), m.documents(), m.options("D-LLM"), m.observer())),
                        m)));
        all.add(of(
                "SkipGPT-Joint",
                (base, m) -> turned(
                        m.tuned(SkipGpt.tuneJoint(
                                base, m.documents(), m.ratio(), m.options("SkipGPT-Joint"), m.observer())),
                        m)));
        all.add(of("SkipGPT-RT", StudyMethod::routed));
        all.add(of(
                "SkipGPT-RT-L",
                (base, m) -> turned(
                        m.tuned(SkipGpt.tuneLora(
                                routed(base, m), m.documents(), m.options("SkipGPT-RT-L"), m.observer())),
                        m)));
        return all;
    }

    private static StudyMethod dropping(String name, Criterion criterion) {
        return fixed(
                name,
                (base, m) -> planned(
                        base,
                        SkipGpt.rank(base, criterion, m.calibration(), m.observer())
                                .plan(m.ratio()),
                        m));
    }

    // A plan's ranking is one; how many of its units go is what comes nearest.
    private static LanguageModel planned(LanguageModel base, DropPlan plan, StudyMaterial material) {
        int units =
                plan.isWholeLayers() ? base.config().layers() : base.config().modules();
        material.notes().searched("modules dropped", plan.dropped().size(), units);
        return SkipGpt.drop(base, plan);
    }

    // Both rows that begin with it learn it once: its run is kept under its own name.
    private static LanguageModel routed(LanguageModel base, StudyMaterial material) {
        return turned(
                material.tuned(SkipGpt.tuneRouters(
                        base,
                        material.documents(),
                        material.ratio(),
                        material.options("SkipGPT-RT"),
                        material.observer())),
                material);
    }

    // A budget may count modules and may be missed; rows compare at one share of the block parameters, so thresholds
    // are
    // turned until the kept texts skip it.
    private static LanguageModel turned(LanguageModel routed, StudyMaterial material) {
        double ratio = material.ratio();
        double[] before = ((Dialled) routed.policy().core()).thresholds().logits();
        BudgetDial dial = SkipGpt.budgetDial(routed, Budget.Kind.PARAMS, material.kept(), ratio);
        BudgetDial.Mark mark = dial.marks().get(0);
        material.notes()
                .searched("logits added to the thresholds", mark.thresholds().logits()[0] - before[0], mark.tries());
        return dial.set(routed, ratio);
    }

    // LaCo stops where its threshold says; the highest one that leaves as few layers as the ratio asks for is searched.
    private static LanguageModel collapsed(LanguageModel base, StudyMaterial material) {
        int layers = base.config().layers();
        int depth = Math.max(1, (int) Math.round(layers * (1 - material.ratio())));
        LaCoConfig config = LaCoConfig.official(layers)
                .withSize(Math.max(2, Math.min(4, layers - depth + 1)))
                .withDepth(depth);
        Optional<LaCo> best = Optional.empty();
        int tries = 0;
        for (double threshold : new double[] {0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.35, 0.2, 0, -1}) {
            NDManager owner = base.scope();
            tries++;
            LaCo tried =
                    LaCo.run(base, config.withSimilarity(threshold), material.pieces(base), owner, material.observer());
            if (tried.model().config().layers() == depth) {
                material.notes().searched("least similarity of a merge", threshold, tries);
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
        LaCo nearest = best.orElseThrow();
        material.notes()
                .searched("least similarity of a merge", nearest.config().similarity(), tries);
        return nearest.model();
    }
}
