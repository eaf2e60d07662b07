package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.skipgpt.SkipGpt;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/** Routers fitted to measured costs: the costs are divergences, the line is the ridge's, the share is met. */
class RouterFitEngineTest {
    private static final RouterFit QUICK = RouterFit.defaults().withTokens(300, 24);

    private final WorldText text = new WorldText(World.of(World.SEED), 9);
    private final List<String> documents =
            LongStream.range(0, 60).mapToObj(i -> text.document(i, 0.5).text()).toList();
    private final LanguageModel model = model();

    private static LanguageModel model() {
        SkipGpt.workspace("cpu", "fp32");
        return SkipGpt.random(
                DecoderConfig.llama(SkipGpt.tokenizer().vocabSize(), 32, 48, 4, 4, 2)
                        .withMaxPositions(64),
                3);
    }

    @Test
    void costsAreTheDivergencesOfTheModelWithoutEachModule() {
        int[] ids = {5, 9, 44, 7, 301, 12};
        float[][] costs = costs(model, new int[][] {{8, 2, 77}, ids});
        float[][] dense = model.logits(ids)[0];
        for (ModuleSite site : model.config().sites()) {
            float[][] without = dropped(model, site).logits(ids)[0];
            for (int t = 0; t < ids.length; t++) {
                assertThat((double) costs[site.index()][3 + t])
                        .as(site + " at token " + t)
                        .isCloseTo(divergence(dense[t], without[t]), within(1e-5));
            }
        }
    }

    @Test
    void theLineIsWhereTheRidgesGradientIsZeroAndKeepsTheMeanOfExp() {
        int n = 40;
        int width = 6;
        double ridge = 0.3;
        Random random = new Random(4);
        float[] u = new float[n * width];
        float[] y = new float[n];
        for (int i = 0; i < u.length; i++) {
            u[i] = (float) random.nextGaussian() + i % width;
        }
        for (int t = 0; t < n; t++) {
            y[t] = (float) (0.4 * u[t * width] - 0.1 * u[t * width + 5] + 0.3 * random.nextGaussian());
        }
        float[] line;
        try (NDManager manager = Torch.manager(Device.cpu());
                TorchProgram program = program(manager)) {
            NDArray rows = manager.create(u, new Shape(n, width));
            line = program.call("line", rows, manager.create(y), manager.create((float) ridge))
                    .toFloatArray();
        }

        double[][] x = normed(u, n, width);
        double[] mean = new double[width];
        double meanY = 0;
        for (int t = 0; t < n; t++) {
            meanY += y[t] / n;
            for (int j = 0; j < width; j++) {
                mean[j] += x[t][j] / n;
            }
        }
        for (int j = 0; j < width; j++) {
            double slope = 2 * ridge * line[j];
            for (int t = 0; t < n; t++) {
                slope += 2 * (x[t][j] - mean[j]) * (centred(x[t], mean, line) - (y[t] - meanY)) / n;
            }
            assertThat(slope).as("slope along weight " + j).isCloseTo(0, within(1e-5));
        }
        double fitted = 0;
        double wanted = 0;
        for (int t = 0; t < n; t++) {
            double at = line[width];
            for (int j = 0; j < width; j++) {
                at += line[j] * x[t][j];
            }
            fitted += Math.exp(at) / n;
            wanted += Math.exp(y[t]) / n;
        }
        assertThat(fitted).as("mean of exp").isCloseTo(wanted, within(1e-4));
    }

    @Test
    void theTargetIsMetByArgmaxAndTuningGoesOnFromThere() {
        // One that learned something: leaving out modules of a random one costs too little to tell tokens apart.
        LanguageModel model = SkipGpt.load("world");
        LanguageModel fitted = SkipGpt.fitRouters(model, documents, 0.25, QUICK, ProgressObserver.silent());

        int[][] ids = documents.subList(20, 60).stream()
                .map(d -> model.tokenizer().encodeWithBos(d))
                .map(i -> Arrays.copyOf(i, Math.min(24, i.length)))
                .toArray(int[][]::new);
        assertThat(skipped(fitted, ids)).as("share of parameters").isCloseTo(0.25, within(0.05));
        RoutedPolicy policy = RoutedPolicy.in(fitted.policy()).orElseThrow();
        assertThat(policy.thresholds().logits()).as("argmax").containsOnly(0);

        Tuned tuned = Tuning.routers(
                fitted,
                0.25,
                documents,
                TuningOptions.practical()
                        .withFittedRouters()
                        .withSteps(2)
                        .withBatch(4, 24)
                        .withHeldOut(4),
                ProgressObserver.silent());
        assertThat(tuned.run().log().column("r")[0])
                .as("share at the first step")
                .isBetween(0.1, 0.5);
        assertThat(RoutedPolicy.in(tuned.model().policy())
                        .orElseThrow()
                        .routers()
                        .hash())
                .isNotEqualTo(policy.routers().hash());
    }

    @Test
    void fittedRoutersLearnAtHalfTheRateWithHalfTheNoise() {
        TuningOptions practical = TuningOptions.practical();
        TuningOptions gentle = practical.withFittedRouters();
        assertThat(gentle.loop().rate()).isEqualTo(LearningRate.cosine(5e-4, 0.05));
        assertThat(gentle.routing()).isEqualTo(practical.routing().withNoise(0.5, 0));
        assertThat(gentle.withRouterRate(practical.loop().rate()).withRouting(practical.routing()))
                .as("nothing else differs")
                .isEqualTo(practical);
    }

    @Test
    void theSameTextGivesTheSameRoutersAndDroppedModulesStayAway() {
        LanguageModel one = SkipGpt.fitRouters(model, documents, 0.25, QUICK, ProgressObserver.silent());
        LanguageModel two = SkipGpt.fitRouters(model, documents, 0.25, QUICK, ProgressObserver.silent());
        assertThat(hash(one)).isEqualTo(hash(two));

        ModuleSite gone = new ModuleSite(1, ModuleKind.MLP);
        LanguageModel both = SkipGpt.fitRouters(dropped(model, gone), documents, 0.4, QUICK, ProgressObserver.silent());
        assertThat(both.policy().isDropped(gone)).isTrue();
        assertThat(RoutedPolicy.in(both.policy())).isPresent();
    }

    @Test
    void whatCannotBeFittedIsRefused() {
        LanguageModel fitted = SkipGpt.fitRouters(model, documents, 0.25, QUICK, ProgressObserver.silent());
        assertThatThrownBy(() -> SkipGpt.fitRouters(fitted, documents, 0.25))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has routers");
        assertThatThrownBy(() -> SkipGpt.fitRouters(model, List.of(), 0.25))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0 documents");
        assertThatThrownBy(() -> new RouterFit(1, 1, 0, Budget.Kind.PARAMS))
                .hasMessageContaining("tokens 1")
                .hasMessageContaining("length 1")
                .hasMessageContaining("ridge 0");
    }

    private static float[][] costs(LanguageModel model, int[][] texts) {
        try (NDManager manager = Torch.manager(Device.cpu());
                TorchProgram program = program(manager);
                var off = Torch.gradients(false)) {
            return RouterFit.costs(model, texts, program, ProgressObserver.silent());
        }
    }

    private static TorchProgram program(NDManager manager) {
        return TorchProgram.compile(
                manager, TorchSource.of(RouterFit.class, "fit.torchscript").code());
    }

    private static LanguageModel dropped(LanguageModel model, ModuleSite site) {
        return DropPlan.of("one", model.config(), List.of(site), Provenance.of("one"))
                .applyTo(model);
    }

    private static double divergence(float[] dense, float[] other) {
        double p = logSum(dense);
        double q = logSum(other);
        double sum = 0;
        for (int v = 0; v < dense.length; v++) {
            sum += Math.exp(dense[v] - p) * ((dense[v] - p) - (other[v] - q));
        }
        return sum;
    }

    private static double logSum(float[] logits) {
        double sum = 0;
        for (float z : logits) {
            sum += Math.exp(z);
        }
        return Math.log(sum);
    }

    private static double[][] normed(float[] u, int n, int width) {
        double[][] x = new double[n][width];
        for (int t = 0; t < n; t++) {
            double squares = 0;
            for (int j = 0; j < width; j++) {
                squares += (double) u[t * width + j] * u[t * width + j];
            }
            for (int j = 0; j < width; j++) {
                x[t][j] = u[t * width + j] / Math.sqrt(squares / width + 1e-6);
            }
        }
        return x;
    }

    private static double centred(double[] x, double[] mean, float[] line) {
        double at = 0;
        for (int j = 0; j < x.length; j++) {
            at += line[j] * (x[j] - mean[j]);
        }
        return at;
    }

    private static double skipped(LanguageModel model, int[][] ids) {
        var trace = SparsityReport.of(model, ids).trace();
        return Budget.of(0.25)
                .withKind(Budget.Kind.PARAMS)
                .rate(model.config(), trace.skipped(ModuleKind.ATTENTION), trace.skipped(ModuleKind.MLP));
    }

    private static String hash(LanguageModel model) {
        return RoutedPolicy.in(model.policy()).orElseThrow().routers().hash();
    }
}
