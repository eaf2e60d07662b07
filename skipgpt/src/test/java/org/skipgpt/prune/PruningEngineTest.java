package org.skipgpt.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;
import org.skipgpt.weights.WeightLoader;

/** Plans, what is saved of them, and what a pruned model is. */
class PruningEngineTest {
    private static DropPlan without(DecoderConfig config, int... modules) {
        List<ModuleSite> sites = new ArrayList<>();
        for (int module : modules) {
            sites.add(ModuleSite.of(module));
        }
        return DropPlan.of("by hand", config, sites, Provenance.of("by hand"));
    }

    @Test
    void noOtherNumberOfUnitsComesNearerToTheWantedRatio() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));
            List<Ranking> rankings = List.of(
                    Ranking.shortGpt(model, texts, Ranking.FinalNorm.EXCLUDED, ProgressObserver.silent()),
                    Ranking.jointLayerDrop(model, texts, ProgressObserver.silent()));
            for (Ranking ranking : rankings) {
                for (double ratio : new double[] {0, 0.1, 0.25, 0.4, 0.6}) {
                    double best = Math.abs(ranking.plan(ratio).parameterRatio() - ratio);
                    for (int n = 0; n < ranking.units().size(); n++) {
                        assertThat(best)
                                .isLessThanOrEqualTo(Math.abs(ranking.drop(n).parameterRatio() - ratio) + 1e-12);
                    }
                }
                assertThat(ranking.plan(0.25).provenance().dataHash()).hasSize(64);
                assertThat(ranking.png()).isPresent();
                assertThatThrownBy(() -> ranking.plan(1.5)).hasMessageContaining("0..0.95");
            }
        }
    }

    @Test
    void pruningAPrunedModelDropsFurtherModulesAndBringsNoneBack() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            int layers = model.config().layers();
            List<int[]> texts = List.of(golden.ids(0));
            DropPlan first = without(model.config(), 0, 2, 3);
            LanguageModel pruned = first.applyTo(model);

            Ranking whole = Ranking.shortGpt(pruned, texts, Ranking.FinalNorm.INCLUDED, ProgressObserver.silent());
            Ranking single = Ranking.jointLayerDrop(pruned, texts, ProgressObserver.silent());

            assertThat(whole.units()).hasSize(layers - 1);
            assertThat(single.units()).hasSize(2 * layers - 3);
            for (Ranking ranking : List.of(whole, single)) {
                assertThat(ranking.drop(0).dropped()).isEqualTo(first.dropped());
                DropPlan second = ranking.drop(1);
                assertThat(second.dropped()).containsAll(first.dropped()).hasSizeGreaterThan(3);
                assertThat(second.method()).contains("before");
                double left = 1 - first.parameterRatio();
                assertThat(Math.abs(ranking.plan(0.4).parameterRatio() - first.parameterRatio() - 0.4 * left))
                        .isLessThanOrEqualTo(
                                Math.abs(second.parameterRatio() - first.parameterRatio() - 0.4 * left) + 1e-12);
                assertThat(DropPlan.gone(second.applyTo(pruned))).isEqualTo(second.dropped());
                assertThat(ranking.png()).isPresent();
            }
            LanguageModel both = without(model.config(), 1).applyTo(pruned);
            assertThat(DropPlan.gone(both)).extracting(ModuleSite::index).containsExactly(0, 1, 2, 3);
            assertThat(both.policy().describe()).contains("by hand with", "before");
        }
    }

    @Test
    void aDroppedAttentionLeavesNoKeysAndADroppedMlpAllOfThem() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            int layers = model.config().layers();
            long dense = cache(model, golden.ids(0));

            assertThat(cache(without(model.config(), 0).applyTo(model), golden.ids(0)))
                    .isEqualTo(dense * (layers - 1) / layers);
            assertThat(cache(without(model.config(), 1).applyTo(model), golden.ids(0)))
                    .isEqualTo(dense);
        }
    }

    private static long cache(LanguageModel model, int[] ids) {
        try (Session session = model.session(1)) {
            session.append(ids);
            return session.usedCacheBytes();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen3", "gemma2"})
    void anExportedFolderIsAnOrdinaryModelWithTheSameLogits(String family, @TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            DropPlan plan = without(model.config(), 2, 3);
            LanguageModel pruned = plan.applyTo(model);
            Path source = Golden.root().resolve("families").resolve(family);

            StockFolder.save(pruned, source, folder.resolve("out"));

            try (HuggingFaceFolder out = HuggingFaceFolder.open(folder.resolve("out"))) {
                DecoderConfig config = ConfigJson.read(out.config());
                var weights = WeightLoader.load(config, out.tensors(), manager, Dtype.FP32);
                LanguageModel read = LanguageModel.dense("read", out.hash(), model.tokenizer(), config, weights);
                assertThat(config.layers()).isEqualTo(model.config().layers() - 1);
                float[][] own = pruned.logits(golden.ids(0))[0];
                float[][] theirs = read.logits(golden.ids(0))[0];
                for (int t = 0; t < own.length; t++) {
                    assertThat(theirs[t]).containsExactly(own[t], within(1e-6f));
                }
            }
            assertThat(DropPlan.open(folder.resolve("out/drop-plan.json"))).isEqualTo(plan);
        }
    }

    @Test
    void whatHasNoOrdinaryFormIsRefused(@TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Path source = Golden.root().resolve("families/llama3");
            Path out = folder.resolve("out");

            LanguageModel skipping =
                    model.withPolicy(ForcedPolicy.uniform(0.5, model.config().layers(), 1));
            assertThatThrownBy(() -> StockFolder.save(skipping, source, out))
                    .hasMessageContaining("token by token")
                    .hasMessageContaining("drop(model, plan)");
            assertThatThrownBy(() -> StockFolder.save(without(model.config(), 2).applyTo(model), source, out))
                    .hasMessageContaining("attention 1");
            assertThat(out).doesNotExist();
            assertThatThrownBy(() -> DropPlan.open(folder.resolve("none.json")))
                    .hasMessageContaining("there is no such file");
            Files.writeString(folder.resolve("plan.json"), "{}");
            assertThatThrownBy(() -> DropPlan.open(folder.resolve("plan.json"))).hasMessageContaining("DropPlan.save");
        }
    }

    @Test
    void recoveryLowersThePrunedModelsLossAndDroppedModulesStayDropped() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel pruned = without(model.config(), 0, 3).applyTo(model);
            List<String> documents = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                documents.add("3 1 4 1 5 9 2 6 5 3 5 8 9 7 9 3");
            }
            TuningOptions options = TuningOptions.workshop();
            options = options.withLoop(options.loop().withSteps(15)).withBatch(2, 16);

            Tuned healed = Tuning.recover(pruned, documents, options, ProgressObserver.silent());

            double[] loss = healed.run().log().column("loss");
            assertThat(loss[loss.length - 1]).isLessThan(loss[0] - 0.05);
            assertThat(healed.sparsity().trace().skipped(ModuleKind.ATTENTION))
                    .isCloseTo(1.0 / model.config().layers(), within(1e-9));
            assertThat(healed.method()).contains("by hand").endsWith("+LoRA");
            assertThat(healed.model().adapter()).isPresent();
            TuningOptions same = options;
            LanguageModel routed = Tuning.withRouters(model, RouterConfig.defaults(), 1);
            assertThatThrownBy(() -> Tuning.recover(routed, documents, same, ProgressObserver.silent()))
                    .hasMessageContaining("tuneLora");
        }
    }
}
