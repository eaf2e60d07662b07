package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.eval.PrefixTokens;
import org.skipgpt.eval.ScoreOptions;
import org.skipgpt.eval.ScoreOptions.Sharing;
import org.skipgpt.eval.ScoreStore;
import org.skipgpt.eval.Scorer;
import org.skipgpt.eval.TaskData;
import org.skipgpt.eval.TaskDescription;
import org.skipgpt.eval.TaskResult;
import org.skipgpt.eval.Tasks;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/**
 * Measures multiple-choice scoring with shared beginnings against one full pass a choice on the seven tasks, each with
 * every so-manieth question, so that the mix is that of the files. Beside wall time stands the thread's own processor
 * time, which other work on the machine disturbs less; only with OMP_NUM_THREADS=1 is it all that was spent. A
 * measurement, not a test:
 *
 * <pre>
 * java org.skipgpt.studies.ScoringSpeed DATA MODEL|WIDTHxLAYERS STEP SHOTS REPEATS
 * </pre>
 */
final class ScoringSpeed {
    private static final List<Sharing> WAYS = List.of(Sharing.NONE, Sharing.PREFIXES);

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private ScoringSpeed() {}

    public static void main(String[] arguments) {
        Path data = Path.of(arguments[0]);
        int step = Integer.parseInt(arguments[2]);
        int shots = Integer.parseInt(arguments[3]);
        int repeats = Integer.parseInt(arguments[4]);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            LanguageModel model = model(manager, arguments[1]);
            System.out.println(model + "\n" + Provenance.of("").withDevice("cpu", "fp32", Torch.threads()));
            List<TaskData> mix = mix(data, step, shots);
            count(model, mix);
            measure(model, mix, repeats);
        }
    }

    private static LanguageModel model(NDManager manager, String name) {
        if (!name.matches("\\d+x\\d+")) {
            Workspace.open("cpu", "fp32");
            return SkipGpt.load(name);
        }
        int width = Integer.parseInt(name.substring(0, name.indexOf('x')));
        int layers = Integer.parseInt(name.substring(name.indexOf('x') + 1));
        Tokenizer tokenizer = SkipGpt.tokenizer();
        int heads = width / 64;
        DecoderConfig config = DecoderConfig.llama(
                        tokenizer.vocabSize(), width, width * 11 / 4, layers, heads, heads / 2)
                .withMaxPositions(4096);
        return LanguageModel.dense(
                "random", "", tokenizer, config, WeightLoader.random(config, manager, Dtype.FP32, 1));
    }

    private static List<TaskData> mix(Path data, int step, int shots) {
        List<TaskData> mix = new ArrayList<>();
        for (String task : Tasks.PAPER) {
            Path file = data.resolve("benchmarks/" + task + ".jsonl");
            TaskDescription description = Tasks.named(task + "-queries");
            TaskData all =
                    shots == 0 ? TaskData.read(description, file) : TaskData.read(description, file, file, shots);
            mix.add(all.part(step / 2, step));
        }
        return mix;
    }

    private static void count(LanguageModel model, List<TaskData> mix) {
        System.out.printf(Locale.ROOT, "%-14s %9s %9s %9s %9s%n", "task", "questions", "full", "shared", "ratio");
        for (TaskData data : mix) {
            PrefixTokens tokens = PrefixTokens.of(model, data);
            System.out.printf(
                    Locale.ROOT,
                    "%-14s %9d %9d %9d %9.2f%n",
                    data.task().name(),
                    data.items().size(),
                    tokens.full(),
                    tokens.shared(),
                    (double) tokens.full() / tokens.shared());
        }
    }

    private static void measure(LanguageModel model, List<TaskData> mix, int repeats) {
        double[][] seconds = new double[WAYS.size()][repeats];
        double[][] ofThread = new double[WAYS.size()][repeats];
        Map<String, TaskResult> first = new LinkedHashMap<>();
        int otherPicks = 0;
        double furthest = 0;
        for (int repeat = -1; repeat < repeats; repeat++) {
            for (int way = 0; way < seconds.length; way++) {
                // One short task warms up.
                List<TaskData> scored = repeat < 0 ? mix.subList(0, 1) : mix;
                long start = System.nanoTime();
                long startOfThread = THREADS.getCurrentThreadCpuTime();
                List<TaskResult> results = new ArrayList<>();
                Scorer scorer =
                        new Scorer(model, ScoreOptions.defaults().withSharing(WAYS.get(way)), ScoreStore.none());
                scored.forEach(data -> results.add(scorer.score(data, ProgressObserver.silent())));
                if (repeat < 0) {
                    continue;
                }
                seconds[way][repeat] = (System.nanoTime() - start) / 1e9;
                ofThread[way][repeat] = (THREADS.getCurrentThreadCpuTime() - startOfThread) / 1e9;
                for (TaskResult result : results) {
                    TaskResult known = first.putIfAbsent(result.task().name(), result);
                    if (known != null) {
                        otherPicks += otherPicks(known, result);
                        furthest = Math.max(furthest, furthest(known, result));
                    }
                }
            }
        }
        print("wall", seconds);
        print("thread", ofThread);
        System.out.printf(
                Locale.ROOT, "%d other picks, log-likelihoods differ by at most %.1e%n", otherPicks, furthest);
    }

    private static void print(String clock, double[][] seconds) {
        for (int way = 0; way < seconds.length; way++) {
            System.out.printf(
                    Locale.ROOT,
                    "%-6s %-9s %8.2f s  %s%n",
                    clock,
                    WAYS.get(way),
                    median(seconds[way]),
                    Arrays.toString(seconds[way]));
        }
        System.out.printf(Locale.ROOT, "%-6s %.2f times as fast%n", clock, median(seconds[0]) / median(seconds[1]));
    }

    private static int otherPicks(TaskResult a, TaskResult b) {
        int other = 0;
        for (int i = 0; i < a.n(); i++) {
            boolean same = a.items().get(i).pick() == b.items().get(i).pick()
                    && a.items().get(i).pickNorm() == b.items().get(i).pickNorm();
            other += same ? 0 : 1;
        }
        return other;
    }

    private static double furthest(TaskResult a, TaskResult b) {
        double furthest = 0;
        for (int i = 0; i < a.n(); i++) {
            double[] x = a.items().get(i).logLikelihoods();
            double[] y = b.items().get(i).logLikelihoods();
            for (int c = 0; c < x.length; c++) {
                furthest = Math.max(furthest, Math.abs(x[c] - y[c]));
            }
        }
        return furthest;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }
}
