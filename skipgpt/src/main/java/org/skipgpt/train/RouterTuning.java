package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Gate;
import org.skipgpt.route.LearningPolicy;
import org.skipgpt.route.Noise;
import org.skipgpt.route.Routers;
import org.skipgpt.route.Temperature;
import org.skipgpt.torch.Gradients;

/**
 * Stage 1: the weights stay frozen, the routers learn which modules each token needs.
 *
 * <p>{@code L = L_lm + alpha |T - r|} (SkipGPT, 2025, Eq. 9), gates drawn by straight-through Gumbel-softmax, r the
 * mean skip of the micro-batch. Every module is computed for every token, because the gradient of a closed gate needs
 * the output it left out.
 *
 * <pre>{@code
 * var stage = new RouterTuning(model, routers, Budget.of(0.25), Temperature.paper(), batches, 1, loop, "my text");
 * TrainingRun run = TrainingLoop.run(stage, loop, scope, Observer.silent());
 * }</pre>
 */
public final class RouterTuning implements Objective {
    private final LanguageModel model;
    private final Decoder decoder;
    private final Routers routers;
    private final Gate gate;
    private final Budget budget;
    private final Temperature temperature;
    private final Batches batches;
    private final LoopConfig loop;
    private final String data;
    private final Map<String, NDArray> parameters = new LinkedHashMap<>();

    /**
     * An objective over routers; their arrays change in place.
     *
     * @param owner owns the gate's program; as long-lived as the routers
     * @param budget target and strength of the sparsity loss; its scope is the micro-batch
     * @param temperature tau of each step; the paper falls from 5 to 1
     * @param batches where windows come from
     * @param loop steps, accumulation and seed of the run
     * @param data identity of the text, for the run's fingerprint
     */
    public RouterTuning(
            NDManager owner,
            LanguageModel model,
            Routers routers,
            Budget budget,
            Temperature temperature,
            Batches batches,
            LoopConfig loop,
            String data) {
        if (budget.scope() != Budget.Scope.MICRO_BATCH) {
            throw new IllegalArgumentException("budget scope " + budget.scope()
                    + " is not possible here: the loss is formed in each micro-batch; use MICRO_BATCH");
        }
        this.model = model;
        this.decoder = model.differentiable();
        this.routers = routers;
        this.gate = Gate.compile(owner);
        this.budget = budget;
        this.temperature = temperature;
        this.batches = batches;
        this.loop = loop;
        this.data = data;
        List<String> names = routers.names();
        for (int i = 0; i < names.size(); i++) {
            NDArray array = routers.parameters().get(i);
            Gradients.require(array);
            parameters.put(names.get(i), array);
        }
    }

    @Override
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    @Override
    public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
        long number = step * loop.accumulation() + micro;
        int[][] sequences = batches.batch(number);
        double tau = temperature.at(step, loop.steps());
        Noise noise = Noise.gumbel(gate, loop.seed() * 1_000_003L + number);
        LearningPolicy policy = new LearningPolicy(gate, routers, LearningPolicy.Setting.at(tau), noise);

        Rows rows = LanguageLoss.rows(scope, decoder, sequences);
        NDArray x = decoder.forward(rows, policy, Execution.MASKED, Trace.none()); // (N, D)
        LanguageLoss.Sent sent = LanguageLoss.gradient(scope, decoder, x, LanguageLoss.targets(sequences), weight);

        NDArray gates = NDArrays.stack(new NDList(policy.gates())); // (M, N)
        NDArray r = gate.skipRate(gates, budget.weights(model.config()), ones(rows.size())); // ()
        NDArray penalty = r.sub((float) budget.target()).abs().mul((float) budget.alpha()); // ()
        // One scalar whose gradient is that of both parts, so that the shared graph is walked once.
        NDArray total = x.mul(sent.upstream()).sum().add(penalty.mul((float) weight));
        double skipped = r.getFloat();
        double penalised = penalty.getFloat();
        float[] executed = gates.mean(new int[] {1}).toFloatArray(); // (M)
        Gradients.backward(total);
        return row(sent.nats(), penalised, skipped, executed, tau, rows.size());
    }

    private static Map<String, Double> row(
            double nats, double penalty, double r, float[] executed, double tau, int tokens) {
        double[] skip = new double[2];
        for (int i = 0; i < executed.length; i++) {
            skip[i % 2] += (1 - executed[i]) * 2 / executed.length;
        }
        Map<String, Double> row = new LinkedHashMap<>();
        row.put("loss", nats + penalty);
        row.put("LM loss", nats);
        row.put("penalty", penalty);
        row.put("sparsity", r);
        row.put("attention sparsity", skip[0]);
        row.put("mlp sparsity", skip[1]);
        row.put("temperature", tau);
        row.put("tokens", (double) tokens);
        return row;
    }

    private static float[] ones(int n) {
        float[] ones = new float[n];
        java.util.Arrays.fill(ones, 1);
        return ones;
    }

    @Override
    public String describe() {
        return "router tuning";
    }

    @Override
    public String fingerprint() {
        return "router tuning · base " + model.hash() + " · " + routers.config() + " · " + budget + " · " + temperature
                + " · " + data;
    }
}
