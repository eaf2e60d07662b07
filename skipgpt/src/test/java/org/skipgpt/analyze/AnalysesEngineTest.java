package org.skipgpt.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Finding;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Torch;

/** Laws of the analyses on tiny models: dense, forced patterns, random routers. */
class AnalysesEngineTest {
    private static final double EXACT = 1e-12;

    private static LanguageModel forced(LanguageModel model, double attention, double mlp) {
        return model.withPolicy(new ForcedPolicy(
                attention,
                mlp,
                ForcedPolicy.Pattern.UNIFORM,
                KvPolicy.KEEP,
                model.config().layers(),
                3));
    }

    private static LanguageModel routed(LanguageModel model, NDManager manager) {
        Routers routers = Routers.init(manager, model.config(), RouterConfig.defaults(), 5);
        return model.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));
    }

    private static double mean(double[] values) {
        return Arrays.stream(values).average().orElseThrow();
    }

    @Test
    void denseModelsRunEverythingEverywhere() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));

            assertThat(RoutingMap.of(model, texts, ProgressObserver.silent()).rates())
                    .containsOnly(1);
            assertThat(TokenCost.of(model, texts, ProgressObserver.silent()).cost())
                    .containsOnly(1);
            ContextDrift drift = ContextDrift.of(model, texts, 4, ProgressObserver.silent());
            assertThat(drift.attention()).containsOnly(1);
            assertThat(drift.mlp()).containsOnly(1);
            assertThat(drift.attentionError()).containsOnly(0);
        }
    }

    @Test
    void whatIsNotThereIsADashAndSaidWhy() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<int[]> text = List.of(golden.ids(0));

            String map = RoutingMap.of(model, text, ProgressObserver.silent()).text();
            String cost = TokenCost.of(model, text, ProgressObserver.silent()).text();
            String drift =
                    ContextDrift.of(model, text, 4, ProgressObserver.silent()).text();

            assertThat(map).contains("–", "no router was asked").doesNotContain("NaN");
            assertThat(cost).contains("every token cost the same").doesNotContain("NaN");
            assertThat(drift).contains("–").doesNotContain("0.0000");
        }
    }

    @ParameterizedTest
    @CsvSource({"0.4, 0.1", "0, 1", "1, 0", "0.5, 0.5"})
    void mapCostAndDriftCountTheSameRuns(double attention, double mlp) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = forced(golden.model(manager), attention, mlp);
            List<int[]> text = List.of(golden.ids(0));

            RoutingMap map = RoutingMap.of(model, text, ProgressObserver.silent());
            TokenCost cost = TokenCost.of(model, text, ProgressObserver.silent());
            ContextDrift whole = ContextDrift.of(model, text, golden.ids(0).length, ProgressObserver.silent());
            ContextDrift single = ContextDrift.of(model, text, 1, ProgressObserver.silent());

            assertThat(mean(cost.cost())).isCloseTo(mean(map.rates()), within(EXACT));
            assertThat(whole.attention()).hasSize(1);
            assertThat(whole.attention()[0]).isCloseTo(1 - map.trace().skipped(ModuleKind.ATTENTION), within(1e-9));
            assertThat(mean(single.mlp())).isCloseTo(1 - map.trace().skipped(ModuleKind.MLP), within(1e-9));
        }
    }

    @Test
    void textsTracedOneByOneAreTextsTracedTogether() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = routed(golden.model(manager), manager);
            RoutingTrace together = RoutingTrace.of(model, golden.ids(0), golden.ids(1));

            RoutingTrace joined = RoutingMap.of(model, List.of(golden.ids(0), golden.ids(1)), ProgressObserver.silent())
                    .trace();

            assertThat(joined.tokens()).isEqualTo(together.tokens());
            assertThat(joined.starts()).isEqualTo(together.starts());
            assertThat(joined.costs()).isEqualTo(together.costs());
            for (int m = 0; m < joined.modules().size(); m++) {
                assertThat(joined.modules().get(m).entropy())
                        .isCloseTo(together.modules().get(m).entropy(), within(1e-4));
            }
        }
    }

    @Test
    void surprisalIsTheModelsAndSkippedModulesChangeNothing() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = routed(golden.model(manager), manager);
            int[] ids = golden.ids(0);
            float[] log = model.logProbabilities(ids)[0];

            TokenCost cost = TokenCost.of(model, List.of(ids), ProgressObserver.silent());
            TokenSimilarity similarity = TokenSimilarity.of(model, ids);
            RoutingTrace trace = RoutingTrace.of(model, ids);

            assertThat(cost.surprisal()[0]).isNaN();
            assertThat(cost.next()[ids.length - 1]).isNaN();
            for (int t = 1; t < ids.length; t++) {
                assertThat(cost.surprisal()[t]).isEqualTo(-log[t - 1]).isEqualTo(cost.next()[t - 1]);
            }
            for (int m = 0; m < trace.modules().size(); m++) {
                for (int t = 0; t < ids.length; t++) {
                    boolean unchanged = similarity.cosine()[m][t] > 1 - 1e-9;
                    assertThat(unchanged).isEqualTo(!trace.modules().get(m).executed()[t]);
                }
            }
        }
    }

    @Test
    void everyFindingIsSavedInEveryFormWithItsOrigin(@TempDir Path folder) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = routed(golden.model(manager), manager);
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));
            List<Finding> findings = List.of(
                    TokenSimilarity.of(model, golden.ids(0)),
                    RoutingMap.of(model, texts, ProgressObserver.silent()),
                    TokenCost.of(model, texts, ProgressObserver.silent()),
                    ContextDrift.of(model, texts, 4, ProgressObserver.silent()),
                    ContextDrift.generated(model, texts, 5, 4, ProgressObserver.silent()));
            for (int i = 0; i < findings.size(); i++) {
                Finding found = findings.get(i);
                Optional<byte[]> png = found.png();
                if (png.isPresent()) {
                    found.save(folder.resolve(i + ".png"));
                    found.save(folder.resolve(i + ".svg"));
                }
                for (String ending : List.of("html", "csv", "json", "md", "tex", "txt")) {
                    found.save(folder.resolve(i + "." + ending));
                }
                assertThat(Files.readString(folder.resolve(i + ".csv")).lines().count())
                        .isEqualTo(found.data().rows().size() + 1);
                assertThat(folder.resolve(i + ".csv.provenance.json")).exists();
                assertThat(found.provenance().modelHash()).isEqualTo(model.hash());
                assertThat(found.text().lines().count()).isBetween(3L, 25L);
                assertThat(found.text().lines().allMatch(line -> line.length() <= 100))
                        .as(found.text())
                        .isTrue();
                assertThatThrownBy(() -> found.save(folder.resolve("x.docx"))).hasMessageContaining("svg");
            }
        }
    }

    @Test
    void anInterruptStopsAnAnalysisBetweenTexts() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            List<int[]> texts = List.of(golden.ids(0), golden.ids(1));
            ProgressObserver interrupting = progress -> Thread.currentThread().interrupt();

            assertThatThrownBy(() -> RoutingMap.of(model, texts, interrupting))
                    .isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void badInputSaysWhatIsAllowed() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            int[] endless = IntStream.range(0, model.config().maxPositions() + 1)
                    .map(i -> 1)
                    .toArray();

            assertThatThrownBy(() -> TokenSimilarity.of(model, endless)).hasMessageContaining("shorter");
            assertThatThrownBy(() -> RoutingMap.of(model, List.of(), ProgressObserver.silent()))
                    .hasMessageContaining("at least one");
            assertThatThrownBy(() -> ContextDrift.of(model, List.of(golden.ids(0)), 9_999, ProgressObserver.silent()))
                    .hasMessageContaining("smaller window");
            assertThatThrownBy(() -> TokenCost.of(model, List.of(golden.ids(0)), ProgressObserver.silent())
                            .byKind())
                    .hasMessageContaining("labelled");
        }
    }
}
