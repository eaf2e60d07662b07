package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.model.Trace;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.prune.StockFolder;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.ApproximatorFit;
import org.skipgpt.route.Cost;
import org.skipgpt.route.Gate;
import org.skipgpt.route.MixtureForm;
import org.skipgpt.route.MixturePolicy;
import org.skipgpt.route.MixtureWeights;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** Rows that skip go through linear maps instead, alike in every execution. */
class ApproximatorEngineTest {
    /** fp32 products over other numbers of rows. */
    private static final double ROUNDING = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void maskedIsPackedIsCachedAndTheFutureChangesNothing(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel plain = routed(dense, manager, kv);
                LanguageModel model = fit(plain, 4, golden).alwaysPacked();
                float[][] whole = model.logits(ids)[0];

                assertThat(Golden.difference(plain.logits(ids)[0], whole))
                        .as("plain skipping")
                        .isGreaterThan(100 * ROUNDING);
                assertThat(Golden.difference(model.masked().logits(ids)[0], whole))
                        .as("masked, %s", kv)
                        .isLessThan(ROUNDING);
                assertThat(Golden.difference(model.packed().logits(ids)[0], whole))
                        .as("packed, %s", kv)
                        .isLessThan(ROUNDING);
                DecodingStep other = kv == KvPolicy.DEFERRED ? DecodingStep.FIXED : DecodingStep.JAVA;
                for (DecodingStep step : List.of(DecodingStep.ENGINE, other)) {
                    assertThat(Golden.difference(grown(model.withStep(step), ids), whole))
                            .as("cached, %s, %s", kv, step)
                            .isLessThan(ROUNDING);
                }
                int[] start = Arrays.copyOf(ids, ids.length / 2);
                assertThat(Golden.difference(model.logits(start)[0], Arrays.copyOf(whole, start.length)))
                        .as("without a future, %s", kv)
                        .isLessThan(ROUNDING);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void aDroppedModuleIsApproximatedTheSameWayEverywhere(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int last = dense.config().layers() - 1;
            LanguageModel pruned = dropped(
                    dense,
                    new ModuleSite(0, ModuleKind.ATTENTION),
                    new ModuleSite(last, ModuleKind.ATTENTION),
                    new ModuleSite(last, ModuleKind.MLP));
            LanguageModel model = fit(pruned, 4, golden);
            int[] ids = golden.ids(0);
            float[][] whole = model.logits(ids)[0];

            assertThat(Golden.difference(pruned.logits(ids)[0], whole)).isGreaterThan(100 * ROUNDING);
            assertThat(Golden.difference(model.masked().logits(ids)[0], whole)).isLessThan(ROUNDING);
            for (DecodingStep step : List.of(DecodingStep.ENGINE, DecodingStep.JAVA)) {
                assertThat(Golden.difference(grown(model.withStep(step), ids), whole))
                        .isLessThan(ROUNDING);
            }
            // the last layer computes only the rows that are asked for
            try (NDManager scope = model.scope()) {
                var rows = model.decoder().rows(scope, ids);
                int end = ids.length - 1;
                float[] one = model.decoder()
                        .logits(model.forward(rows, new int[] {end}))
                        .toFloatArray();
                assertThat(Golden.difference(new float[][] {one}, new float[][] {whole[end]}))
                        .isLessThan(ROUNDING);
            }
        }
    }

    @Test
    void rankZeroIsPlainSkippingBitForBit() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel plain = routed(golden.model(manager), manager, KvPolicy.KEEP);

            LanguageModel none = fit(plain, 0, golden);

            assertThat(none.logits(golden.ids(0))).isDeepEqualTo(plain.logits(golden.ids(0)));
            assertThat(none.policy().identity()).isEqualTo(plain.policy().identity());
        }
    }

    @Test
    void wholeRankOnFewerRowsThanChannelsIsWhatTheModulesAdd() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            int width = dense.config().width();
            assertThat(ids.length).isLessThan(width);
            // Not the first attention: it reads the same of a token wherever that stands.
            LanguageModel pruned =
                    dropped(dense, new ModuleSite(0, ModuleKind.MLP), new ModuleSite(1, ModuleKind.ATTENTION));
            ApproximatorFit exact = ApproximatorFit.of(width).withRidge(1e-6);

            LanguageModel model = exact.run(pruned, List.of(ids), ProgressObserver.silent());

            assertThat(Golden.difference(pruned.logits(ids)[0], dense.logits(ids)[0]))
                    .isGreaterThan(0.1);
            assertThat(Golden.difference(model.logits(ids)[0], dense.logits(ids)[0]))
                    .isLessThan(2e-3);
        }
    }

    @Test
    void moreRankIsNearerToWhatTheModuleAdds() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            int last = dense.config().layers() - 1;
            LanguageModel pruned = dropped(dense, new ModuleSite(last, ModuleKind.MLP));
            int[][] ids = {golden.ids(0), golden.ids(1)};
            double before = squares(pruned, dense, ids);

            for (int rank : new int[] {1, 2, 4, 8, 16}) {
                ApproximatorFit options = ApproximatorFit.of(rank).withRidge(1e-6);
                double left = squares(options.run(pruned, List.of(ids), ProgressObserver.silent()), dense, ids);
                assertThat(left).as("rank %d", rank).isLessThan(before);
                before = left;
            }
        }
    }

    @Test
    void aFolderKeepsThem(@TempDir Path parent) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel skips = routed(dropped(dense, new ModuleSite(1, ModuleKind.MLP)), manager, KvPolicy.KEEP);
            LanguageModel model = fit(skips, 4, golden);
            Path folder = parent.resolve("folder");

            SkipGptFolder.save(folder, model, Optional.empty(), Optional.empty(), Provenance.of("test"));
            LanguageModel again = SkipGptFolder.load(folder, dense, manager, KvPolicy.KEEP);

            assertThat(again.logits(golden.ids(0))).isDeepEqualTo(model.logits(golden.ids(0)));
            assertThat(again.policy().identity()).isEqualTo(model.policy().identity());
            assertThat(again.policy().identity()).isNotEqualTo(skips.policy().identity());
            assertThat(model.policy().describe()).endsWith("approximators of rank 4");
        }
    }

    @Test
    void whatRowsThatSkipTakeIsCounted() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel pruned = dropped(dense, new ModuleSite(1, ModuleKind.MLP));
            Cost plain = SparsityReport.of(pruned, golden.ids(0)).cost();
            Cost own = SparsityReport.of(fit(pruned, 4, golden), golden.ids(0)).cost();
            long numbers = 4L * (2 * dense.config().width() + 1);

            assertThat(own.skipParameters()).isEqualTo(numbers);
            assertThat(own.skipFlops() / plain.flops())
                    .isCloseTo(2.0 * numbers / Cost.mlpFlops(dense.config()), within(1e-9));
            assertThat(own.flops()).isCloseTo(plain.flops() - own.skipFlops(), within(1e-12));
            assertThat(own.text()).contains("approximators: " + numbers + " parameters");
            assertThat(plain.text()).doesNotContain("approximators");
        }
    }

    @Test
    void whatHasNoPlaceForThemIsRefused(@TempDir Path parent) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel model = fit(
                    dropped(dense, new ModuleSite(1, ModuleKind.ATTENTION), new ModuleSite(1, ModuleKind.MLP)),
                    4,
                    golden);

            assertThatThrownBy(() -> StockFolder.save(model, parent, parent.resolve("stock")))
                    .hasMessageContaining("gives what skips an approximation")
                    .hasMessageContaining("save(model, folder)");
            assertThatThrownBy(() -> fit(dense, 4, golden)).hasMessageContaining("skips nothing");
            assertThatThrownBy(() -> fit(model, 4, golden)).hasMessageContaining("has approximators already");
            assertThatThrownBy(() -> fit(model, -1, golden)).hasMessageContaining("rank -1 must be 0 or more");
            LanguageModel open = dense.withPolicy(
                    dropped(dense, new ModuleSite(1, ModuleKind.MLP)).policy());
            assertThatThrownBy(() -> ApproximatorFit.of(4).run(open, List.of(), ProgressObserver.silent()))
                    .hasMessageContaining("no text to fit");
            MixturePolicy layers = MixturePolicy.of(
                    manager,
                    MixtureWeights.init(manager, dense.config(), 5),
                    MixtureForm.blocks(0.5),
                    MixturePolicy.Choice.PREDICTOR);
            assertThatThrownBy(() ->
                            fit(dropped(dense.withPolicy(layers), new ModuleSite(1, ModuleKind.MLP)), 4, golden))
                    .hasMessageContaining("weighs what a whole layer makes")
                    .hasMessageContaining("MixtureForm.modules");
        }
    }

    private static LanguageModel routed(LanguageModel model, NDManager manager, KvPolicy kv) {
        RouterConfig form = RouterConfig.defaults().withNorm(RouterConfig.Norm.RMS);
        RoutedPolicy policy = RoutedPolicy.of(Gate.compile(manager), Routers.init(manager, model.config(), form, 5))
                .withKvPolicy(kv);
        return model.withPolicy(model.policy().withCore(policy));
    }

    private static LanguageModel dropped(LanguageModel model, ModuleSite... sites) {
        return DropPlan.of("by hand", model.config(), List.of(sites), Provenance.of("by hand"))
                .applyTo(model);
    }

    private static LanguageModel fit(LanguageModel model, int rank, Golden golden) {
        List<int[]> pieces = List.of(golden.ids(0), golden.ids(1));
        return ApproximatorFit.of(rank).run(model, pieces, ProgressObserver.silent());
    }

    private static float[][] grown(LanguageModel model, int[] ids) {
        try (Session session = model.session(1)) {
            float[][] logits = new float[ids.length][];
            for (int t = 0; t < ids.length; t++) {
                logits[t] = session.append(new int[] {ids[t]})[0];
            }
            return logits;
        }
    }

    /** Of the streams that leave the last layer. */
    private static double squares(LanguageModel model, LanguageModel dense, int[][] ids) {
        try (NDManager scope = model.scope()) {
            var rows = model.decoder().rows(scope, ids);
            float[] a = model.forward(rows, Trace.none()).toFloatArray();
            float[] b = dense.forward(rows, Trace.none()).toFloatArray();
            double sum = 0;
            for (int i = 0; i < a.length; i++) {
                sum += Math.pow((double) a[i] - b[i], 2);
            }
            return sum;
        }
    }
}
