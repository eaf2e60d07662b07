package org.skipgpt;

import ai.djl.ndarray.NDManager;
import java.net.URI;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.skipgpt.io.HubUpload;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.BudgetDial;
import org.skipgpt.route.DLlmForm;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.torch.InUse;
import org.skipgpt.train.RouterFit;
import org.skipgpt.train.SeedTrials;
import org.skipgpt.train.SkipGptFolder;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;

/**
 * The verbs that teach models to skip, keep what was learned and say what it saves; {@link SkipGpt} offers them.
 *
 * <p>It is public for the sake of tab completion only, which leaves out what a hidden class declares.
 */
public abstract class TuningVerbs extends SeeingVerbs {
    TuningVerbs() {}

    /** A model with fresh, untuned routers that decide without noise; seed 43. */
    public static LanguageModel withRouters(LanguageModel model, RouterConfig config) {
        return Tuning.withRouters(model, config, 43);
    }

    /**
     * A model with routers that the authors' code tuned, e.g. those published for Llama-3.1-8B.
     *
     * <pre>{@code
     * var routed = withPublishedRouters(load("meta-llama/Llama-3.1-8B"), "router.pth");
     * }</pre>
     *
     * @param file their {@code .pth} file; nothing in it is executed
     * @throws org.skipgpt.io.CheckpointException if a tensor is missing or has another shape than the model's routers
     */
    public static LanguageModel withPublishedRouters(LanguageModel model, String file) {
        return Tuning.withPublishedRouters(model, Path.of(file));
    }

    /**
     * Routers without tuning, fitted to what leaving out each module alone costs each token: a start for {@code tuneRouters}.
     *
     * <pre>{@code
     * var fitted = fitRouters(model, 0.25, texts);
     * var tuned = tuneRouters(fitted, 0.25, texts, TuningOptions.practical().withFittedRouters(), observer);
     * }</pre>
     *
     * @param target share of block parameters to skip, 0..1
     * @param documents text to measure on; about 4,096 tokens of it are read once a module
     */
    public static LanguageModel fitRouters(LanguageModel model, double target, List<String> documents) {
        return fitRouters(model, target, documents, RouterFit.defaults(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static LanguageModel fitRouters(
            LanguageModel model, double target, List<String> documents, RouterFit options, ProgressObserver observer) {
        return options.run(model, target, documents, observer);
    }

    /**
     * Stage 1: routers learn to skip a share of all module runs, weights stay; practical settings.
     *
     * @param target share to skip, 0..1
     * @param documents text to learn from; the last tenth, at most 32, is kept back to measure on
     */
    public static Tuned tuneRouters(LanguageModel model, double target, List<String> documents) {
        return tuneRouters(model, target, documents, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer; interrupted, it returns what was learned so far. */
    public static Tuned tuneRouters(
            LanguageModel model,
            double target,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        return Tuning.routers(model, target, documents, options, observer);
    }

    /**
     * Stage 1 from several seeds, one after another; the result's {@code best()} is the one with the least loss on documents kept
     * back. On a pretrained model seeds differ more than recipes do.
     *
     * <pre>{@code
     * var trials = bestOfSeeds(model, 0.25, texts, TuningOptions.practical(), List.of(43L, 44L, 45L), observer);
     * }</pre>
     *
     * @param options with thresholds that keep the share, as practical ones do; their seed is not used
     */
    public static SeedTrials bestOfSeeds(
            LanguageModel model,
            double target,
            List<String> documents,
            TuningOptions options,
            List<Long> seeds,
            ProgressObserver observer) {
        return SeedTrials.run(model, target, documents, options, seeds, observer);
    }

    /** Stage 2: a fresh adapter heals a model with routers, which are frozen; practical settings. */
    public static Tuned tuneLora(LanguageModel model, List<String> documents) {
        return tuneLora(model, documents, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneLora(
            LanguageModel model, List<String> documents, TuningOptions options, ProgressObserver observer) {
        return Tuning.lora(model, documents, options, observer);
    }

    /** SkipGPT-Joint: routers and adapter learn together; practical settings. */
    public static Tuned tuneJoint(LanguageModel model, double target, List<String> documents) {
        return tuneJoint(model, target, documents, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneJoint(
            LanguageModel model,
            double target,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        return Tuning.joint(model, target, documents, options, observer);
    }

    /** The control: the same adapter on the same text, nothing skipped; practical settings. */
    public static Tuned denseLora(LanguageModel model, List<String> documents) {
        return denseLora(model, documents, TuningOptions.practical(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned denseLora(
            LanguageModel model, List<String> documents, TuningOptions options, ProgressObserver observer) {
        return Tuning.denseLora(model, documents, options, observer);
    }

    /**
     * MoD-D, a rival: the best tokens of each sequence run each module, chosen by routers that learn beside an adapter; the
     * result decides by predictors, which do not look ahead. Workshop settings.
     *
     * @param capacity share of tokens that run each module, above 0 up to 1
     */
    public static Tuned tuneMixture(LanguageModel model, double capacity, List<String> documents) {
        return tuneMixture(model, capacity, documents, TuningOptions.workshop(), ProgressObserver.silent());
    }

    /** The same with settings, told to an observer. */
    public static Tuned tuneMixture(
            LanguageModel model,
            double capacity,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        return Tuning.mixture(model, capacity, documents, options, observer);
    }

    /** Mixture-of-Depths in any form: {@code MixtureForm.blocks(0.125)} is MoD itself, whole layers, every other one. */
    public static Tuned tuneMixture(
            LanguageModel model,
            MixtureForm form,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        return Tuning.mixture(model, form, documents, options, observer);
    }

    /**
     * D-LLM, a rival: a router a layer decides for each token, keys and values of tokens that skip a layer are not kept there, and an
     * adapter learns beside the routers. Workshop settings.
     *
     * @param target share of layer runs to skip, 0..1
     */
    public static Tuned tuneDLlm(LanguageModel model, double target, List<String> documents) {
        return tuneDLlm(model, DLlmForm.of(target), documents, TuningOptions.workshop(), ProgressObserver.silent());
    }

    /** The same in any form with settings, told to an observer; {@code TuningOptions.dLlm()} has the authors' own. */
    public static Tuned tuneDLlm(
            LanguageModel model,
            DLlmForm form,
            List<String> documents,
            TuningOptions options,
            ProgressObserver observer) {
        return Tuning.dLlm(model, form, documents, options, observer);
    }

    /** Saves what was tuned, routers and adapter, as a small folder beside its base; an existing one is not touched. */
    public static void save(Tuned tuned, String folder) {
        SkipGptFolder.save(Path.of(folder), tuned);
    }

    /** Saves a model's routers and adapter as a small folder beside its base; an existing one is not touched. */
    public static void save(LanguageModel model, String folder) {
        var lora = model.adapter().map(LoraConfig::of);
        SkipGptFolder.save(Path.of(folder), model, lora, Optional.empty(), Provenance.of("saved by hand"));
    }

    /**
     * Uploads a saved folder to the hub, or another that HF_ENDPOINT names, with the token of HF_TOKEN; a new repository is
     * private. What was pushed is loaded by its name: {@code loadSkipGpt("me/tiny-skipgpt-25", base)}.
     *
     * @param name {@code owner/name}
     * @return where it can be seen
     * @throws org.skipgpt.io.CheckpointException without a token, for an empty folder, or if the hub refuses
     */
    public static URI push(String folder, String name) {
        return push(folder, name, ProgressObserver.silent());
    }

    /** The same, told to an observer. */
    public static URI push(String folder, String name, ProgressObserver observer) {
        return HubUpload.ofEnvironment().push(Path.of(folder), name, observer);
    }

    /**
     * Loads a tuned folder over its base, under the K/V policy it was tuned with.
     *
     * @param folder a folder, {@code owner/name} of the hub, or {@code world/skipgpt-25}, which comes with the project
     * @throws org.skipgpt.io.CheckpointException if it was tuned on another base, or is no such folder
     */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base) {
        return loaded(base, owner -> SkipGptFolder.load(Checkpoints.tuned(folder), base, owner));
    }

    /** The same under a K/V policy that gives the same values: KEEP and DEFERRED stand for each other. */
    public static LanguageModel loadSkipGpt(String folder, LanguageModel base, KvPolicy kv) {
        return loaded(base, owner -> SkipGptFolder.load(Checkpoints.tuned(folder), base, owner, kv));
    }

    /**
     * Loads a tuned folder over any base of the right shape and under any K/V policy, to see what that does: the numbers
     * are then not those of the model that was tuned.
     */
    public static LanguageModel loadForced(String folder, LanguageModel base, KvPolicy kv) {
        return loaded(base, owner -> SkipGptFolder.loadForced(Checkpoints.tuned(folder), base, owner, kv));
    }

    private static LanguageModel loaded(LanguageModel base, Function<NDManager, LanguageModel> loading) {
        try (InUse.Hold held = base.hold()) {
            NDManager owner = base.scope();
            try {
                return loading.apply(owner).withAdded(owner);
            } catch (RuntimeException | Error e) {
                owner.close();
                throw e;
            }
        }
    }

    /** What each token of some texts ran and skipped. */
    public static RoutingTrace routing(LanguageModel model, String... texts) {
        return RoutingTrace.of(model, encoded(model, List.of(texts)));
    }

    /** Realised skipping on some texts, and what it saves in every way it is counted. */
    public static SparsityReport sparsity(LanguageModel model, List<String> texts) {
        return SparsityReport.of(model, encoded(model, texts));
    }

    /**
     * Thresholds that let one model with routers serve several shares to skip; {@code dial.set(model, 0.4)} turns it.
     *
     * @param texts like those to come
     * @param targets shares to skip, 0..1, one or more
     */
    public static BudgetDial budgetDial(LanguageModel model, List<String> texts, double... targets) {
        return BudgetDial.calibrate(model, Budget.of(0), targets, encoded(model, texts));
    }

    /** The same where the shares are counted in parameters, or in operations, instead of modules. */
    public static BudgetDial budgetDial(LanguageModel model, Budget.Kind kind, List<String> texts, double... targets) {
        return BudgetDial.calibrate(model, Budget.of(0).withKind(kind), targets, encoded(model, texts));
    }

    // Texts longer than the model's context are cut: a trace has no use for positions the model never saw.
    private static int[][] encoded(LanguageModel model, List<String> texts) {
        int most = model.config().maxPositions();
        return texts.stream()
                .map(text -> model.tokenizer().encodeWithBos(text))
                .map(ids -> ids.length > most ? Arrays.copyOf(ids, most) : ids)
                .toArray(int[][]::new);
    }
}
