package org.skipgpt.bench;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.route.Budget;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** One of this library's models under its policy; random tokens of a fixed seed. */
public final class OwnModel implements Contestant {
    private static final int SEED = 1;

    private final LanguageModel model;
    private final Map<SpeedTest, double[]> rates = new HashMap<>();

    /** A packed model; closing it here frees nothing. */
    public OwnModel(LanguageModel model) {
        this.model = model;
    }

    @Override
    public String name() {
        return "SkipGPT, " + model.policy().describe();
    }

    @Override
    public String dtype() {
        return model.dtype().toString();
    }

    @Override
    public int threads() {
        return Torch.threads();
    }

    @Override
    public double seconds(SpeedTest test) {
        return test.kind() == SpeedTest.Kind.PREFILL ? reading(test) : writing(test);
    }

    private double reading(SpeedTest test) {
        int[][] texts = texts(test.batch(), test.tokens(), 0);
        try (Session session = model.session(test.batch())) {
            long start = System.nanoTime();
            session.append(texts);
            return noted(test, session, start);
        }
    }

    // A fork counts what it wrote itself, not what was read before.
    private double writing(SpeedTest test) {
        int[][] more = texts(test.tokens(), test.batch(), 1);
        try (Session before = model.session(test.batch())) {
            before.append(texts(test.batch(), Math.max(1, test.depth()), 0));
            try (Session session = before.fork(IntStream.range(0, test.batch()).toArray())) {
                long start = System.nanoTime();
                for (int[] step : more) {
                    session.append(
                            Arrays.stream(step).mapToObj(id -> new int[] {id}).toArray(int[][]::new));
                }
                return noted(test, session, start);
            }
        }
    }

    private double noted(SpeedTest test, Session session, long start) {
        double seconds = (System.nanoTime() - start) / 1e9;
        rates.put(test, session.executionRates());
        return seconds;
    }

    private int[][] texts(int rows, int columns, int seed) {
        SplittableRandom random = new SplittableRandom(SEED + seed);
        int[][] ids = new int[rows][columns];
        for (int[] row : ids) {
            for (int i = 0; i < columns; i++) {
                row[i] = random.nextInt(model.config().vocabulary());
            }
        }
        return ids;
    }

    @Override
    public double skipped(SpeedTest test) {
        return Budget.of(0)
                .withKind(Budget.Kind.PARAMS)
                .rate(model.config(), mean(test, ModuleKind.ATTENTION), mean(test, ModuleKind.MLP));
    }

    private double mean(SpeedTest test, ModuleKind kind) {
        DecoderConfig config = model.config();
        double skipped = 0;
        for (ModuleSite site : config.sites()) {
            skipped += site.module() == kind ? 1 - measured(test)[site.index()] : 0;
        }
        return skipped / config.layers();
    }

    private double[] measured(SpeedTest test) {
        double[] own = rates.get(test);
        if (own == null) {
            throw new IllegalStateException(test.name() + " was not run");
        }
        return own;
    }

    @Override
    public double ideal(SpeedTest test) {
        SpeedIdeal ideal = SpeedIdeal.of(model, measured(test));
        return test.kind() == SpeedTest.Kind.PREFILL
                ? ideal.prefill(test.tokens())
                : ideal.decode(test.batch(), test.length() - test.tokens() / 2);
    }

    @Override
    public void close() {
        // The workspace frees the model.
    }
}
