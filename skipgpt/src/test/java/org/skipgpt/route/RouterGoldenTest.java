package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** Logits, gates, losses and router gradients of the paper's and the official arithmetic in Python. */
class RouterGoldenTest {
    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-4;

    private static final double GRADIENT = 1e-5;

    /** The language loss alone moves a bias by terms of both signs that nearly cancel. */
    private static final double CANCELLED = 3e-5;

    private static final int STEPS = 24;

    /** The official script's r counts padding, which packed rows do not have; its single case has none. */
    @ParameterizedTest
    @CsvSource({"paper,train", "paper,train_single", "official,train_single"})
    @SuppressWarnings("try") // the mode is closed, not used
    void oneStepEqualsPython(String preset, String file) {
        boolean official = preset.equals("official");
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = open(preset, file);
                SafeTensors input = open(preset, "input")) {
            LanguageModel model = golden.model(manager);
            Gate gate = Gate.compile(manager);
            Routers routers = routers(manager, model, preset);
            routers.parameters().forEach(Gradients::require);
            int[][] ids =
                    file.equals("train") ? new int[][] {golden.ids(0), golden.ids(1)} : new int[][] {golden.ids(0)};
            Decoder decoder = model.differentiable();
            try (NDManager scope = manager.newSubManager();
                    var mode = Torch.gradients(true)) {
                Rows rows = decoder.rows(scope, ids);
                LearningPolicy policy =
                        new LearningPolicy(gate, routers, LearningPolicy.Setting.at(3), noise(input, official, ids));
                NDArray x = decoder.forward(rows, policy, Execution.MASKED, Trace.none());
                compareDecisions(policy, expected, official, ids);
                NDArray lm = languageLoss(decoder, x, ids);
                float[] valid = new float[rows.size()];
                Arrays.fill(valid, 1);
                Budget budget = Budget.of(.25).withAlpha(official ? 20 : 8);
                NDArray rate = gate.skipRate(
                        NDArrays.stack(new NDList(policy.gates())), budget.weights(model.config()), valid);
                NDArray penalty = rate.sub((float) budget.target()).abs().mul((float) budget.alpha());
                NDArray total = lm.add(penalty);
                close(lm, expected, "lm_loss");
                close(rate, expected, "skip_rate");
                close(penalty, expected, "penalty");
                close(total, expected, "total_loss");
                Gradients.backward(total);
                compareGradients(routers, expected, "grad.", official, GRADIENT);
            }
        }
    }

    /** Everything of a padded batch but r, which counts padding in the official code: padding changes no real token. */
    @ParameterizedTest
    @CsvSource({"paper", "official"})
    @SuppressWarnings("try") // the mode is closed, not used
    void paddedBatchEqualsPythonOnItsRealTokens(String preset) {
        boolean official = preset.equals("official");
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = open(preset, "train");
                SafeTensors input = open(preset, "input");
                var mode = Torch.gradients(true)) {
            LanguageModel model = golden.model(manager);
            Routers routers = routers(manager, model, preset);
            routers.parameters().forEach(Gradients::require);
            int[][] ids = {golden.ids(0), golden.ids(1)};
            Decoder decoder = model.differentiable();
            Rows rows = decoder.rows(manager, ids);
            LearningPolicy policy = new LearningPolicy(
                    Gate.compile(manager), routers, LearningPolicy.Setting.at(3), noise(input, official, ids));

            NDArray x = decoder.forward(rows, policy, Execution.MASKED, Trace.none());
            NDArray lm = languageLoss(decoder, x, ids);
            Gradients.backward(lm);

            compareDecisions(policy, expected, official, ids);
            compareGradients(routers, expected, "grad_lm.", official, CANCELLED);
            close(lm, expected, "lm_loss");
            float[] logits = Golden.floats(expected, "logits"); // (2, 24, V)
            float[] own = decoder.logits(x).toFloatArray(); // (N, V)
            int v = model.config().vocabulary();
            for (int row = 0; row < rows.size(); row++) {
                int from = row < STEPS ? row : STEPS + row - ids[0].length;
                for (int i = 0; i < v; i++) {
                    assertThat((double) own[row * v + i]).isCloseTo(logits[from * v + i], within(TOLERANCE));
                }
            }
            assertThat(1 - mean(Golden.ints(expected, "execute"), Golden.ints(input, "attention_mask"), official))
                    .isCloseTo(Golden.floats(expected, "skip_rate")[0], within(TOLERANCE));
        }
    }

    /** Mean execution over (M, B, S), over all positions or over real ones. */
    private static double mean(int[] execute, int[] mask, boolean padding) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < execute.length; i++) {
            if (padding || mask[i % mask.length] == 1) {
                sum += execute[i];
                count++;
            }
        }
        return sum / count;
    }

    @ParameterizedTest
    @CsvSource({"paper,KEEP,keep", "paper,EXECUTED,executed", "official,KEEP,keep", "official,EXECUTED,executed"})
    void inferenceEqualsPython(String preset, KvPolicy kv, String prefix) {
        boolean official = preset.equals("official");
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = open(preset, "infer")) {
            LanguageModel dense = golden.model(manager);
            RoutedPolicy policy = RoutedPolicy.of(Gate.compile(manager), routers(manager, dense, preset))
                    .withKvPolicy(kv);
            for (int k = 0; k < 2; k++) {
                LanguageModel routed = dense.withPolicy(policy);
                float[] logits = Golden.floats(expected, prefix + ".logits." + k);
                for (LanguageModel m : List.of(routed.masked(), routed.packed())) {
                    float[][] own = m.logits(golden.ids(k))[0];
                    assertThat(worst(own, logits)).as("%s %s", m.execution(), k).isLessThan(TOLERANCE);
                }
                RoutingTrace trace = RoutingTrace.of(routed, golden.ids(k));
                int[] execute = Golden.ints(expected, prefix + ".execute." + k);
                float[] z = Golden.floats(expected, prefix + ".router_logits." + k);
                int n = golden.ids(k).length;
                for (int m = 0; m < trace.modules().size(); m++) {
                    for (int t = 0; t < n; t++) {
                        int at = m * n + t;
                        assertThat(trace.modules().get(m).executed()[t]).isEqualTo(execute[at] == 1);
                        double margin = (z[2 * at + 1] - z[2 * at]) * (official ? -1 : 1);
                        assertThat((double) trace.modules().get(m).probability()[t])
                                .isCloseTo(1 / (1 + Math.exp(-margin)), within(TOLERANCE));
                    }
                }
            }
        }
    }

    static SafeTensors open(String preset, String file) {
        return SafeTensors.open(Golden.root().resolve("skipgpt").resolve(preset).resolve(file + ".safetensors"));
    }

    static Routers routers(NDManager manager, LanguageModel model, String preset) {
        boolean official = preset.equals("official");
        try (SafeTensors source = open(preset, "routers")) {
            RouterConfig config = official ? RouterConfig.official() : RouterConfig.defaults();
            return Routers.load(
                    manager,
                    model.config(),
                    config,
                    source,
                    official ? Routers.ExecuteIndex.ZERO : Routers.ExecuteIndex.ONE);
        }
    }

    /** The stored noise, without its padding and in this library's index order. */
    static Noise noise(SafeTensors input, boolean official, int[][] ids) {
        float[] all = Golden.floats(input, "gumbel"); // (M, 2, 24, 2)
        return (site, like) -> {
            int n = (int) like.getShape().get(0);
            float[] own = new float[2 * n];
            int at = 0;
            for (int b = 0; b < ids.length; b++) {
                for (int t = 0; t < ids[b].length; t++, at += 2) {
                    int from = ((site.index() * 2 + b) * STEPS + t) * 2;
                    own[at] = all[official ? from + 1 : from];
                    own[at + 1] = all[official ? from : from + 1];
                }
            }
            return like.getManager().create(own, new Shape(n, 2));
        };
    }

    static NDArray languageLoss(Decoder decoder, NDArray x, int[][] ids) {
        int n = 0;
        int predicted = 0;
        for (int[] s : ids) {
            n += s.length;
            predicted += s.length - 1;
        }
        long[] targets = new long[n];
        int at = 0;
        for (int[] s : ids) {
            for (int t = 0; t < s.length; t++) {
                targets[at++] = t + 1 < s.length ? s[t + 1] : -100;
            }
        }
        NDManager scope = x.getManager();
        return decoder.program()
                .call(
                        "loss",
                        x,
                        scope.create(targets),
                        scope.create(1f / predicted),
                        decoder.weights().finalNorm(),
                        decoder.weights().head());
    }

    private static void compareDecisions(LearningPolicy policy, SafeTensors expected, boolean official, int[][] ids) {
        float[] logits = Golden.floats(expected, "router_logits"); // (M, B, S, 2)
        int[] execute = Golden.ints(expected, "execute"); // (M, B, S)
        int batch = logits.length / (policy.gates().size() * STEPS * 2);
        for (int m = 0; m < policy.gates().size(); m++) {
            float[] own = policy.logits().get(m).toFloatArray();
            float[] gates = policy.gates().get(m).toFloatArray();
            int row = 0;
            for (int b = 0; b < ids.length; b++) {
                for (int t = 0; t < ids[b].length; t++, row++) {
                    int at = (m * batch + b) * STEPS + t;
                    double skip = logits[2 * at + (official ? 1 : 0)];
                    double run = logits[2 * at + (official ? 0 : 1)];
                    assertThat((double) own[2 * row]).isCloseTo(skip, within(TOLERANCE));
                    assertThat((double) own[2 * row + 1]).isCloseTo(run, within(TOLERANCE));
                    assertThat(gates[row]).isEqualTo(execute[at]);
                }
            }
        }
    }

    static void compareGradients(
            Routers routers, SafeTensors expected, String prefix, boolean official, double tolerance) {
        for (int i = 0; i < routers.names().size(); i++) {
            String name = routers.names().get(i);
            float[] own = Gradients.of(routers.parameters().get(i)).toFloatArray();
            float[] python = Golden.floats(expected, prefix + name);
            if (official && !name.contains(".hidden.")) {
                int half = python.length / 2;
                float[] turned = new float[python.length];
                System.arraycopy(python, 0, turned, half, half);
                System.arraycopy(python, half, turned, 0, half);
                python = turned;
            }
            assertThat(relative(own, python)).as(name).isLessThan(tolerance);
        }
    }

    /** Norm of the difference over the norm of the reference. */
    static double relative(float[] own, float[] reference) {
        assertThat(own).hasSameSizeAs(reference);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < own.length; i++) {
            difference += Math.pow((double) own[i] - reference[i], 2);
            size += Math.pow(reference[i], 2);
        }
        return Math.sqrt(difference / Math.max(size, 1e-30));
    }

    private static double worst(float[][] own, float[] expected) {
        double worst = 0;
        int at = 0;
        for (float[] row : own) {
            for (float v : row) {
                worst = Math.max(worst, Math.abs((double) v - expected[at++]));
            }
        }
        assertThat(at).isEqualTo(expected.length);
        return worst;
    }

    private static void close(NDArray own, SafeTensors expected, String name) {
        assertThat((double) own.toFloatArray()[0])
                .as(name)
                .isCloseTo(Golden.floats(expected, name)[0], within(TOLERANCE));
    }
}
