package org.skipgpt.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.Gate;
import org.skipgpt.route.RoutedPolicy;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.Routers;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.torch.Torch;

/** Token similarity and context drift of a routed model, against an independent numpy computation. */
@SuppressWarnings("NullAway.Init")
class RoutedGoldenTest {
    /** fp32 forward pass against float64. */
    private static final double TOLERANCE = 2e-5;

    /** Counts of the same decisions, stored as fp32. */
    private static final double COUNTED = 1e-6;

    private NDManager manager;
    private SafeTensors expected;
    private LanguageModel routed;

    @BeforeEach
    void open() {
        manager = Torch.manager(Device.cpu());
        expected = SafeTensors.open(Golden.root().resolve("rivals/routed.safetensors"));
        try (Golden golden = Golden.family("llama3");
                SafeTensors source = SafeTensors.open(Golden.root().resolve("skipgpt/paper/routers.safetensors"))) {
            LanguageModel dense = golden.model(manager);
            Routers routers =
                    Routers.load(manager, dense.config(), RouterConfig.defaults(), source, Routers.ExecuteIndex.ONE);
            routed = dense.withPolicy(RoutedPolicy.of(Gate.compile(manager), routers));
        }
    }

    @AfterEach
    void close() {
        expected.close();
        manager.close();
    }

    private List<int[]> texts(String name, int count) {
        return IntStream.range(0, count)
                .mapToObj(k -> Golden.ints(expected, name + "." + k))
                .toList();
    }

    @Test
    void similarityOfARoutedModelEqualsTheScript() {
        int[] ids = Golden.ints(expected, "text.0");
        float[] cosine = Golden.floats(expected, "token_similarity");
        int[] execute = Golden.ints(expected, "execute.0");

        for (LanguageModel model : List.of(routed.masked(), routed.packed())) {
            double[][] found = TokenSimilarity.of(model, ids).cosine();

            assertThat(found.length * ids.length).isEqualTo(cosine.length);
            for (int i = 0; i < cosine.length; i++) {
                double own = found[i / ids.length][i % ids.length];
                assertThat(own).as("value %d", i).isCloseTo(cosine[i], within(TOLERANCE));
                assertThat(own > 1 - 1e-12).isEqualTo(execute[i] == 0);
            }
        }
    }

    @Test
    void driftOfReadingEqualsTheScript() {
        List<int[]> texts = texts("text", 5);

        ContextDrift drift = ContextDrift.of(routed, texts, window(), ProgressObserver.silent());

        for (int k = 0; k < texts.size(); k++) {
            assertThat(executed(texts.get(k))).isEqualTo(Golden.ints(expected, "execute." + k));
        }
        equal(drift, "prefill");
        assertThat(Arrays.stream(drift.texts()).distinct().count()).isGreaterThan(3);
    }

    /** The script decides as a decoder does: for one new token at a time. Deferred keys and values change nothing. */
    @ParameterizedTest
    @EnumSource(names = {"KEEP", "DEFERRED"})
    void driftOfWritingEqualsTheScript(KvPolicy kv) {
        LanguageModel model = routed.withPolicy(((RoutedPolicy) routed.policy()).withKvPolicy(kv));
        List<int[]> prompts = texts("prompt", 3);
        int added = Golden.ints(expected, "written.0").length - prompts.get(0).length;

        ContextDrift drift = ContextDrift.generated(model, prompts, added, window(), ProgressObserver.silent());

        for (int k = 0; k < prompts.size(); k++) {
            int[] written = Golden.ints(expected, "written." + k);
            GenerationOptions options = GenerationOptions.defaults().withMaxTokens(added);
            assertThat(model.generateIds(options, prompts.get(k))
                            .continuations()
                            .get(0)
                            .tokens())
                    .isEqualTo(Arrays.copyOfRange(written, prompts.get(k).length, written.length));
        }
        equal(drift, "decode");
    }

    private int window() {
        return Golden.ints(expected, "window")[0];
    }

    private int[] executed(int[] ids) {
        return RoutingTrace.of(routed, ids).modules().stream()
                .flatMapToInt(module -> IntStream.range(0, ids.length).map(t -> module.executed()[t] ? 1 : 0))
                .toArray();
    }

    private void equal(ContextDrift drift, String name) {
        assertThat(drift.texts()).isEqualTo(Golden.ints(expected, name + ".texts"));
        equal(drift.attention(), name + ".attention");
        equal(drift.mlp(), name + ".mlp");
        equal(drift.attentionError(), name + ".attention_error");
        equal(drift.mlpError(), name + ".mlp_error");
        assertThat(Arrays.stream(drift.attentionError()).max().orElse(0)).isGreaterThan(0.01);
    }

    private void equal(double[] found, String name) {
        float[] script = Golden.floats(expected, name);
        assertThat(found).hasSize(script.length);
        for (int p = 0; p < script.length; p++) {
            assertThat(found[p]).as("%s %d", name, p).isCloseTo(script[p], within(COUNTED));
        }
    }
}
