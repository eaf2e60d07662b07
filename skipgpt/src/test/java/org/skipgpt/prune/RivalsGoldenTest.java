package org.skipgpt.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.analyze.ContextDrift;
import org.skipgpt.analyze.TokenSimilarity;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** Rankings, similarities and drift of an independent numpy computation. */
class RivalsGoldenTest {
    /** fp32 forward pass against float64. */
    private static final double TOLERANCE = 2e-5;

    private static LanguageModel model(NDManager manager, String folder) {
        try (HuggingFaceFolder files = HuggingFaceFolder.open(Golden.root().resolve(folder))) {
            DecoderConfig config = ConfigJson.read(files.config());
            return LanguageModel.dense(
                    "tiny",
                    files.hash(),
                    Golden.numbers(config.vocabulary()),
                    config,
                    WeightLoader.load(config, files.tensors(), manager, Dtype.FP32));
        }
    }

    private static List<int[]> sequences(SafeTensors expected) {
        int[] ids = Golden.ints(expected, "input_ids");
        List<int[]> out = new ArrayList<>();
        for (int i = 0; i < ids.length; i += 32) {
            out.add(Arrays.copyOfRange(ids, i, i + 32));
        }
        return out;
    }

    @ParameterizedTest
    @CsvSource({"rivals/model, similarity_model", "families/llama3, similarity_llama3"})
    void rankingsEqualTheScript(String folder, String numbers) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = SafeTensors.open(Golden.root().resolve("rivals/" + numbers + ".safetensors"))) {
            LanguageModel model = model(manager, folder);
            List<int[]> texts = sequences(expected);

            Ranking included = Ranking.shortGpt(model, texts, Ranking.FinalNorm.INCLUDED, ProgressObserver.silent());
            Ranking excluded = Ranking.shortGpt(model, texts, Ranking.FinalNorm.EXCLUDED, ProgressObserver.silent());
            Ranking joint = Ranking.jointLayerDrop(model, texts, ProgressObserver.silent());
            TokenSimilarity tokens = TokenSimilarity.of(model, texts.get(0));

            assertThat(included.order()).isEqualTo(Golden.ints(expected, "bi_order_included"));
            assertThat(excluded.order()).isEqualTo(Golden.ints(expected, "bi_order_excluded"));
            assertThat(joint.order()).isEqualTo(Golden.ints(expected, "module_order"));
            close(included.scores(), Golden.floats(expected, "bi_included"), 1, 0);
            close(excluded.scores(), Golden.floats(expected, "bi_excluded"), 1, 0);
            close(joint.scores(), Golden.floats(expected, "module_similarity"), -1, 1);
            float[] cosine = Golden.floats(expected, "token_similarity");
            for (int m = 0; m < tokens.cosine().length; m++) {
                close(tokens.cosine()[m], Arrays.copyOfRange(cosine, 32 * m, 32 * m + 32), 1, 0);
            }
        }
    }

    private static void close(double[] found, float[] expected, double factor, double shift) {
        assertThat(found).hasSize(expected.length);
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).as("value %d", i).isCloseTo(factor * expected[i] + shift, within(TOLERANCE));
        }
    }

    @Test
    void driftEqualsTheScript() {
        try (SafeTensors expected = SafeTensors.open(Golden.root().resolve("rivals/drift.safetensors"))) {
            int[] lengths = Golden.ints(expected, "lengths");
            List<float[][]> texts = new ArrayList<>();
            for (int k = 0; k < lengths.length; k++) {
                int[] flat = Golden.ints(expected, "executed." + k);
                float[][] text = new float[6][lengths[k]];
                for (int i = 0; i < flat.length; i++) {
                    text[i / lengths[k]][i % lengths[k]] = flat[i];
                }
                texts.add(text);
            }

            ContextDrift drift = ContextDrift.of("drift", texts, ContextDrift.PAPER_WINDOW, Provenance.of(""));

            assertThat(drift.texts()).isEqualTo(Golden.ints(expected, "texts"));
            close(drift.attention(), Golden.floats(expected, "attention"), 1, 0);
            close(drift.mlp(), Golden.floats(expected, "mlp"), 1, 0);
            close(drift.attentionError(), Golden.floats(expected, "attention_error"), 1, 0);
            close(drift.mlpError(), Golden.floats(expected, "mlp_error"), 1, 0);
        }
    }

    @Test
    void aPlanLeavesItsModulesOutAndComesBackFromItsFile(@TempDir Path folder) {
        try (NDManager manager = Torch.manager(Device.cpu());
                SafeTensors expected = SafeTensors.open(Golden.root().resolve("rivals/similarity_model.safetensors"))) {
            LanguageModel model = model(manager, "rivals/model");
            List<int[]> texts = sequences(expected);
            DropPlan plan = Ranking.jointLayerDrop(model, texts, ProgressObserver.silent())
                    .plan(0.25);

            plan.save(folder.resolve("plan.json"));
            LanguageModel pruned = plan.applyTo(model);
            double[][] cosine = TokenSimilarity.of(pruned, texts.get(0)).cosine();

            assertThat(DropPlan.open(folder.resolve("plan.json"))).isEqualTo(plan);
            assertThat(plan.parameterRatio()).isCloseTo(0.25, within(0.06));
            for (ModuleSite site : model.config().sites()) {
                boolean unchanged = Arrays.stream(cosine[site.index()]).allMatch(value -> value > 1 - 1e-9);
                assertThat(unchanged)
                        .as(site.toString())
                        .isEqualTo(plan.dropped().contains(site));
            }
        }
    }
}
