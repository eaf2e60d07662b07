package org.skipgpt.studies;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.stream.IntStream;
import org.skipgpt.bench.BenchmarkClock;
import org.skipgpt.model.DecodingStep;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.Times;
import org.skipgpt.torch.TorchProgram;

/** Which share of a pass is spent outside the calls into the decoder's program. */
final class OutsideTimes {
    private static final int EMPTY_CALLS = 2000;
    private static final int WARM_STEPS = 400;

    private final LanguageModel dense;
    private final NDManager manager;
    private final int repeats;
    private final BenchmarkClock clock;
    private final LoadTimes.Line out;

    OutsideTimes(LanguageModel dense, NDManager manager, int repeats, BenchmarkClock clock, LoadTimes.Line out) {
        this.dense = dense;
        this.manager = manager;
        this.repeats = repeats;
        this.clock = clock;
        this.out = out;
    }

    void measure() {
        double empty = emptyCallSeconds();
        out.line(
                "## Time outside the engine%n%nEverything but the calls into the decoder's program counts as outside, and of each"
                        + " call what one takes that gets as many arrays and computes nothing (%.1f µs):%n",
                1e6 * empty);
        out.line("| phase | outside | calls | spread of the share |%n| --- | --- | --- | --- |");
        LanguageModel deferred = dense.withPolicy(SpeedParts.forced(0.4, Pattern.UNIFORM, KvPolicy.DEFERRED));
        LanguageModel packed = dense.withPolicy(SpeedParts.forced(0.4, Pattern.UNIFORM, KvPolicy.KEEP));
        outsideDecoding("decode after 656, a token", empty, dense);
        outsideDecoding("decode after 656, 40 % skipped, a token", empty, deferred);
        outside("prefill 1 x 1024", empty, 1, () -> SpeedParts.prefill(clock, dense, 1, 1024));
        outside("prefill 1 x 1024, 40 % skipped", empty, 1, () -> SpeedParts.prefill(clock, packed, 1, 1024));
    }

    private void outsideDecoding(String phase, double empty, LanguageModel model) {
        int tokens = 16;
        // What Java computes is all outside.
        try (Session session = model.withStep(DecodingStep.ENGINE).session(1)) {
            session.append(new int[256]);
            // The host's own code is compiled while the first some hundred steps run.
            for (int t = 0; t < WARM_STEPS; t++) {
                session.append(new int[] {t});
            }
            outside(phase, empty, tokens, () -> {
                for (int t = 0; t < tokens; t++) {
                    session.append(new int[] {t});
                }
            });
        }
    }

    private void outside(String phase, double empty, int parts, Runnable run) {
        double[] shares = new double[repeats];
        double calls = 0;
        for (int i = -1; i < repeats; i++) {
            TorchProgram.Spent before = TorchProgram.spent();
            double start = clock.seconds();
            run.run();
            double seconds = clock.seconds() - start;
            TorchProgram.Spent after = TorchProgram.spent();
            calls = after.calls() - before.calls();
            if (i >= 0) {
                shares[i] = 1 - ((after.nanos() - before.nanos()) / 1e9 - calls * empty) / seconds;
            }
        }
        Times share = Times.of(shares);
        out.line("| %s | %.2f %% | %.0f | %.1f %% |", phase, 100 * share.median(), calls / parts, 100 * share.spread());
    }

    private double emptyCallSeconds() {
        String script =
                "def nothing(self, x: Tensor, a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor, "
                        + "g: Tensor, h: Tensor, i: Tensor, j: Tensor, k: Tensor) -> Tensor:\n    return x\n";
        double[] seconds = new double[repeats];
        try (NDManager scope = manager.newSubManager();
                TorchProgram program = TorchProgram.compile(scope, script)) {
            NDArray[] more =
                    IntStream.range(0, 11).mapToObj(i -> scope.create(1f)).toArray(NDArray[]::new);
            NDArray x = scope.create(1f);
            for (int i = -1; i < repeats; i++) {
                double start = clock.seconds();
                for (int n = 0; n < EMPTY_CALLS; n++) {
                    program.call("nothing", x, more).close();
                }
                if (i >= 0) {
                    seconds[i] = (clock.seconds() - start) / EMPTY_CALLS;
                }
            }
        }
        return Times.of(seconds).median();
    }
}
