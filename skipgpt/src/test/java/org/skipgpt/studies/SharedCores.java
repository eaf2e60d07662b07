package org.skipgpt.studies;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.skipgpt.SkipGpt;
import org.skipgpt.bench.BenchmarkClock;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Times;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/**
 * How fast one process works while others share its cores: start one or several, with {@code GOMP_SPINCOUNT} set or not.
 *
 * <p>{@code java -cp ... org.skipgpt.studies.SharedCores REPEATS}
 */
final class SharedCores {
    private static final int STEPS = 3;

    private SharedCores() {}

    public static void main(String[] arguments) {
        SkipGpt.workspace("cpu", "fp32");
        LanguageModel world = SkipGpt.load("world");
        List<String> texts = SkipGpt.worldTexts(60, 3);
        try (NDManager manager = Torch.manager(world.device())) {
            DecoderConfig shape = SpeedPage.SHAPE;
            DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 1);
            LanguageModel wide = LanguageModel.dense("random", "", Golden.numbers(shape.vocabulary()), shape, weights);
            Map<String, DoubleSupplier> works = new LinkedHashMap<>();
            works.put("wide, a token", () -> token(wide, 128, 12));
            works.put("wide, prefill of 256", () -> SpeedParts.prefill(BenchmarkClock.WALL, wide, 1, 256));
            works.put("embedded, a token", () -> token(world, 64, 40));
            works.put("embedded, a router step", () -> routerStep(world, texts));
            measure(works, Integer.parseInt(arguments[0]));
        }
    }

    private static void measure(Map<String, DoubleSupplier> works, int repeats) {
        Map<String, List<Double>> seconds = new LinkedHashMap<>();
        for (int i = -1; i < repeats; i++) {
            for (Map.Entry<String, DoubleSupplier> work : works.entrySet()) {
                double taken = work.getValue().getAsDouble();
                if (i >= 0) {
                    seconds.computeIfAbsent(work.getKey(), name -> new ArrayList<>())
                            .add(taken);
                }
            }
        }
        seconds.forEach((name, all) -> {
            Times times = Times.of(all.stream().mapToDouble(Double::doubleValue).toArray());
            System.out.printf(
                    Locale.ROOT, "%-24s %8.1f ms (%.0f %%)%n", name, 1e3 * times.median(), 100 * times.spread());
        });
    }

    private static double token(LanguageModel model, int context, int tokens) {
        try (Session session = model.session(1)) {
            session.append(new int[context]);
            long start = System.nanoTime();
            for (int t = 0; t < tokens; t++) {
                session.append(new int[] {t});
            }
            return (System.nanoTime() - start) / 1e9 / tokens;
        }
    }

    private static double routerStep(LanguageModel model, List<String> texts) {
        TuningOptions options = TuningOptions.workshop().withSteps(STEPS).withBatch(4, 128);
        long start = System.nanoTime();
        Tuning.routers(model, 0.25, texts, options, ProgressObserver.silent());
        return (System.nanoTime() - start) / 1e9 / STEPS;
    }
}
