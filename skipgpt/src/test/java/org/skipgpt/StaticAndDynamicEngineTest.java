package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.skipgpt.SkipGpt.budgetDial;
import static org.skipgpt.SkipGpt.drop;
import static org.skipgpt.SkipGpt.generate;
import static org.skipgpt.SkipGpt.loadSkipGpt;
import static org.skipgpt.SkipGpt.save;
import static org.skipgpt.SkipGpt.sparsity;
import static org.skipgpt.SkipGpt.trace;
import static org.skipgpt.SkipGpt.tuneJoint;
import static org.skipgpt.SkipGpt.tuneLora;
import static org.skipgpt.SkipGpt.tuneRouters;
import static org.skipgpt.SkipGpt.withRouters;
import static org.skipgpt.SkipGpt.workspace;
import static org.skipgpt.SkipGpt.worldTexts;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.train.LearningRate;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/** Dropped modules stay dropped where routers decide about the rest, and routers stay where modules are dropped. */
class StaticAndDynamicEngineTest {
    private static final TuningOptions QUICK = TuningOptions.workshop()
            .withSteps(4)
            .withBatch(2, 24)
            .withHeldOut(4)
            .withRouterRate(LearningRate.constant(2e-2));
    private static final List<ModuleSite> GONE = List.of(
            new ModuleSite(1, ModuleKind.ATTENTION),
            new ModuleSite(2, ModuleKind.ATTENTION),
            new ModuleSite(2, ModuleKind.MLP));

    private static LanguageModel model;
    private static DropPlan plan;
    private static List<String> documents;

    @BeforeAll
    static void load() {
        workspace("cpu", "fp32");
        model = SkipGpt.load("world");
        plan = DropPlan.of("by hand", model.config(), GONE, Provenance.of("by hand"));
        documents = worldTexts(50, 7);
    }

    @Test
    void routersTunedOnAPrunedModelLeaveTheModulesDropped(@TempDir Path parent) {
        Tuned tuned = tuneRouters(drop(model, plan), documents, 0.4, QUICK, ProgressObserver.silent());

        lacks(tuned.model());
        double share = GONE.size() / (double) model.config().modules();
        assertThat(Arrays.stream(tuned.run().log().column("r")).min().orElseThrow())
                .isGreaterThanOrEqualTo(share - 1e-6);
        assertThat(tuned.model().policy().describe()).contains("by hand at", "routers · linear");

        String folder = parent.resolve("folder").toString();
        save(tuned, folder);
        LanguageModel again = loadSkipGpt(folder, model);
        lacks(again);
        same(again, tuned.model());

        Tuned healed = tuneLora(again, documents, QUICK, ProgressObserver.silent());
        lacks(healed.model());
        assertThat(routers(healed.model())).isEqualTo(routers(tuned.model()));
        String both = parent.resolve("both").toString();
        save(healed, both);
        same(loadSkipGpt(both, model), healed.model());
        lacks(tuneJoint(drop(model, plan), documents, 0.4, QUICK, ProgressObserver.silent())
                .model());
        // Routers that are there already are the start of further tuning, dropped modules or not.
        lacks(tuneRouters(again, documents, 0.5, QUICK, ProgressObserver.silent())
                .model());
    }

    @Test
    void droppingModulesOfARoutedModelKeepsItsRouters() {
        LanguageModel routed = withRouters(model, RouterConfig.defaults());
        LanguageModel both = drop(routed, plan);

        lacks(both);
        assertThat(routers(both)).isEqualTo(routers(routed));
        same(withRouters(drop(model, plan), RouterConfig.defaults()), both);
        long all = sparsity(routed, documents.subList(0, 1)).cost().routerParameters();
        assertThat(sparsity(both, documents.subList(0, 1)).cost().routerParameters())
                .isEqualTo(all
                        * (model.config().modules() - GONE.size())
                        / model.config().modules());

        var dial = budgetDial(both, documents.subList(0, 3), 0.4, 0.6);
        lacks(dial.set(both, 0.6));
        assertThat(dial.marks().get(1).realised()).isCloseTo(0.6, within(0.05));
    }

    @Test
    void everyWayOfRunningThemGivesTheSame() {
        LanguageModel both = drop(withRouters(model, RouterConfig.defaults()), plan);
        int[] ids = model.tokenizer().encodeWithBos(documents.get(0));
        ids = Arrays.copyOf(ids, 40);
        for (KvPolicy kv : KvPolicy.values()) {
            LanguageModel under = both.withPolicy(both.policy()
                    .withCore(RoutedPolicy.in(both.policy()).orElseThrow().withKvPolicy(kv)));
            float[][] masked = under.masked().logits(ids)[0];
            close(under.alwaysPacked().logits(ids)[0], masked, kv);
            close(under.packed().logits(ids)[0], masked, kv);
            float[][] grown = new float[ids.length][];
            try (Session session = under.session(1)) {
                for (int t = 0; t < ids.length; t++) {
                    grown[t] = session.append(new int[] {ids[t]})[0];
                }
                assertThat(session.executionRates()[2]).as("attention 1").isZero();
                assertThat(session.executionRates()[0]).as("attention 0").isBetween(0.05, 1.0);
            }
            close(grown, masked, kv);
        }
        assertThat(generate(both, List.of("The"), GenerationOptions.defaults().withMaxTokens(5))
                        .text())
                .isNotEmpty();
    }

    @Test
    void whatCannotBeKeptOrReachedIsRefused() {
        LanguageModel pruned = drop(model, plan);
        LanguageModel forced = model.withPolicy(
                ForcedPolicy.uniform(0.25, model.config().layers(), 3).withPattern(ForcedPolicy.Pattern.BY_LAYER));

        assertThatThrownBy(() -> tuneRouters(pruned, documents, 0.05, QUICK, ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a target of 5.0 % cannot be met");
        assertThatThrownBy(() -> tuneRouters(forced, documents, 0.4, QUICK, ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("routers would take the place");
        assertThatThrownBy(() -> withRouters(forced, RouterConfig.defaults())).hasMessageContaining("take the place");
    }

    private static String routers(LanguageModel of) {
        return RoutedPolicy.in(of.policy()).orElseThrow().routers().hash();
    }

    private static void lacks(LanguageModel pruned) {
        RoutingTrace trace = trace(pruned, documents.subList(0, 1));
        for (ModuleRouting module : trace.modules()) {
            if (GONE.contains(module.site())) {
                assertThat(module.executedShare()).as(module.site().toString()).isZero();
            } else {
                assertThat(module.probability()[0]).as(module.site().toString()).isNotNaN();
            }
        }
    }

    private static void same(LanguageModel a, LanguageModel b) {
        int[] ids = {9, 8, 7, 6, 5, 4};
        assertThat(a.alwaysPacked().logits(ids)[0])
                .isDeepEqualTo(b.alwaysPacked().logits(ids)[0]);
        assertThat(a.policy().identity()).isEqualTo(b.policy().identity());
    }

    private static void close(float[][] a, float[][] b, Object what) {
        for (int t = 0; t < a.length; t++) {
            for (int v = 0; v < a[t].length; v++) {
                assertThat(a[t][v]).as("%s, position %d", what, t).isCloseTo(b[t][v], within(2e-3f));
            }
        }
    }
}
