package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Times;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/**
 * Times of one new token in Java and by the engine, in turns of some tokens each. Arguments: fp32 or bf16, keys before the
 * first token, turns.
 */
final class DecodingTimes {
    /** SmolLM2-135M's shape. */
    private static final DecoderConfig SHAPE =
            DecoderConfig.llama(49152, 576, 1536, 30, 9, 3).withMaxPositions(8192);

    private static final int TOKENS = 8;
    private static final int WARM_TURNS = 6;

    private DecodingTimes() {}

    public static void main(String[] arguments) {
        Dtype dtype = Dtype.valueOf(arguments[0].toUpperCase(Locale.ROOT));
        int context = Integer.parseInt(arguments[1]);
        int turns = Integer.parseInt(arguments[2]);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(SHAPE, manager, dtype, 1);
            LanguageModel dense = LanguageModel.dense("random", "", Golden.numbers(SHAPE.vocabulary()), SHAPE, weights)
                    .withStep(DecodingStep.JAVA);
            LanguageModel skipping =
                    dense.withPolicy(new ForcedPolicy(0.4, 0.4, Pattern.UNIFORM, KvPolicy.DEFERRED, SHAPE.layers(), 7));
            System.out.println(
                    Provenance.of("").cpu() + "; " + Provenance.of("").versions());
            System.out.println(dtype + " behind " + context + " tokens; " + dense.decoding());
            measure(turns, context, List.of(dense, dense.withStep(DecodingStep.ENGINE)), "dense");
            measure(
                    turns,
                    context,
                    List.of(skipping, skipping.withStep(DecodingStep.ENGINE)),
                    "40 % skipped, DEFERRED");
        }
    }

    private static void measure(int turns, int context, List<LanguageModel> models, String what) {
        List<double[]> seconds = new ArrayList<>();
        List<Session> sessions = new ArrayList<>();
        int[] prompt = new int[context];
        Arrays.setAll(prompt, i -> 7 * i % SHAPE.vocabulary());
        for (LanguageModel model : models) {
            Session session = model.session(1);
            session.append(prompt);
            long begun = System.nanoTime();
            session.append(new int[] {3});
            System.out.printf(Locale.ROOT, "%s, first token %.0f ms%n", what, (System.nanoTime() - begun) / 1e6);
            sessions.add(session);
            seconds.add(new double[turns * TOKENS]);
        }
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        for (int turn = -WARM_TURNS; turn < turns; turn++) {
            for (int m = 0; m < models.size(); m++) {
                // Every turn starts from as many keys.
                try (Session session = sessions.get(m).fork(0)) {
                    for (int t = 0; t < TOKENS; t++) {
                        long begun = System.nanoTime();
                        session.append(new int[] {t});
                        if (turn >= 0) {
                            seconds.get(m)[turn * TOKENS + t] = (System.nanoTime() - begun) / 1e9;
                        }
                    }
                }
            }
        }
        sessions.forEach(Session::close);
        for (int m = 0; m < models.size(); m++) {
            Times times = Times.of(seconds.get(m));
            double best = Arrays.stream(seconds.get(m)).min().orElse(0);
            System.out.printf(
                    Locale.ROOT,
                    "%s, %s: median %.2f ms, best %.2f, spread %.0f %%%n",
                    what,
                    m == 0 ? "Java" : "engine",
                    1e3 * times.median(),
                    1e3 * best,
                    100 * times.spread());
        }
        System.out.printf(Locale.ROOT, "load average %.1f at the start%n", load);
    }
}
