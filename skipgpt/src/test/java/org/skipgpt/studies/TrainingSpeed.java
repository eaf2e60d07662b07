package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.PackedTokens;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.train.FullTraining;
import org.skipgpt.train.LoopConfig;
import org.skipgpt.train.TrainingLoop;
import org.skipgpt.train.TrainingRun;
import org.skipgpt.train.WorldRecipe;
import org.skipgpt.weights.WeightLoader;

/**
 * Tokens a second of the loop that trains the embedded model against a plain PyTorch loop of the same shape, in turns.
 *
 * <p>Arguments: the Python to use, then rounds. Both multiply in the named precision, keep fp32 weights and moments, clip and
 * step AdamW; both feed 8 x 512 tokens.
 */
final class TrainingSpeed {
    private static final int STEPS = 12;
    /** Smaller than the recipe's, so that a round takes seconds on two cores. */
    private static final int BATCH = 8;

    private static final WorldRecipe RECIPE = WorldRecipe.full();

    private TrainingSpeed() {}

    public static void main(String[] arguments) throws IOException {
        String python = arguments.length > 0 ? arguments[0] : "python3";
        int rounds = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 5;
        DecoderConfig c = RECIPE.shape(3072);
        List<String> command = new ArrayList<>(List.of(python, "src/bench/plain_training.py"));
        for (int n : new int[] {
            c.vocabulary(),
            c.width(),
            c.hidden(),
            c.layers(),
            c.heads(),
            c.kvHeads(),
            BATCH,
            RECIPE.context(),
            Torch.threads()
        }) {
            command.add(Integer.toString(n));
        }
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (NDManager manager = Torch.manager(Device.cpu());
                BufferedReader in = process.inputReader();
                Writer out = process.outputWriter()) {
            System.out.println(in.readLine());
            for (FullTraining.Precision precision : FullTraining.Precision.values()) {
                double[] ours = new double[rounds];
                double[] theirs = new double[rounds];
                for (int i = -1; i < rounds; i++) {
                    double a = ours(manager, c, precision);
                    out.write(precision.name().toLowerCase(Locale.ROOT) + " " + STEPS + "\n");
                    out.flush();
                    double b = STEPS * BATCH * RECIPE.context() / Double.parseDouble(in.readLine());
                    if (i >= 0) {
                        ours[i] = a;
                        theirs[i] = b;
                    }
                }
                Arrays.sort(ours);
                Arrays.sort(theirs);
                System.out.printf(
                        Locale.ROOT,
                        "%s: ours %.0f tokens/s (%.0f..%.0f), PyTorch %.0f (%.0f..%.0f), ratio of medians %.2f%n",
                        precision,
                        ours[rounds / 2],
                        ours[0],
                        ours[rounds - 1],
                        theirs[rounds / 2],
                        theirs[0],
                        theirs[rounds - 1],
                        ours[rounds / 2] / theirs[rounds / 2]);
            }
            System.out.println(Provenance.of(RECIPE.toString()).withDevice("cpu", "fp32", Torch.threads()));
        } finally {
            process.destroy();
        }
    }

    private static double ours(NDManager manager, DecoderConfig config, FullTraining.Precision precision) {
        try (NDManager own = manager.newSubManager()) {
            LanguageModel model = LanguageModel.dense(
                    "random",
                    "",
                    Golden.numbers(config.vocabulary()),
                    config,
                    WeightLoader.random(config, own, Dtype.FP32, 1));
            SplittableRandom draw = new SplittableRandom(1);
            PackedTokens corpus =
                    PackedTokens.of(draw.ints(100_000, 0, config.vocabulary()).toArray());
            FullTraining objective = new FullTraining(
                    model,
                    n -> corpus.random(1, n, BATCH, RECIPE.context() + 1),
                    List.of(),
                    1,
                    precision,
                    false,
                    "random");
            TrainingRun run = TrainingLoop.run(
                    objective, LoopConfig.defaults().withSteps(STEPS + 2), own, ProgressObserver.silent());
            // the first steps compile kernels
            double[] rates = run.log().column("tokens/s");
            return STEPS / Arrays.stream(rates).skip(2).map(rate -> 1 / rate).sum();
        }
    }
}
