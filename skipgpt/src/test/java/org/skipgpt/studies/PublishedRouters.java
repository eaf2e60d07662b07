package org.skipgpt.studies;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.skipgpt.io.TensorSource;
import org.skipgpt.io.TorchFile;

/**
 * What the routers that the authors published for Llama-3.1-8B say without the model they belong to; docs/published.md reads it.
 *
 * <p>{@code java -cp "$CP" org.skipgpt.studies.PublishedRouters router.pth}. With index 0 = execute, {@code v = w_0 - w_1} is the
 * direction of the stream that speaks for executing: a token executes where {@code v x + (b_0 - b_1) > 0}.
 */
public final class PublishedRouters {
    private static final int LAYERS = 32;

    private PublishedRouters() {}

    /** Prints a line a layer. */
    public static void main(String[] args) {
        try (TensorSource file = TorchFile.open(Path.of(args[0]))) {
            System.out.println(
                    "layer | attention |v|, bias, top hundredth of channels | MLP the same | cosine of both | with the layer before");
            double[][] before = new double[2][];
            for (int layer = 0; layer < LAYERS; layer++) {
                double[][] v = {direction(file, layer, "attention"), direction(file, layer, "mlp")};
                System.out.printf(
                        Locale.ROOT,
                        "%2d | %s | %s | %5.2f | %s%n",
                        layer,
                        described(file, layer, "attention", v[0]),
                        described(file, layer, "mlp", v[1]),
                        cosine(v[0], v[1]),
                        layer == 0
                                ? ""
                                : String.format(
                                        Locale.ROOT, "%5.2f %5.2f", cosine(before[0], v[0]), cosine(before[1], v[1])));
                before = v;
            }
        }
    }

    private static String key(int layer, String kind, String part) {
        return "model.layers." + layer + ".router_" + kind + ".weight_predictor." + part;
    }

    private static double[] direction(TensorSource file, int layer, String kind) {
        float[] rows = file.floats(key(layer, kind, "weight")); // (2, D)
        int width = rows.length / 2;
        double[] v = new double[width];
        Arrays.setAll(v, i -> (double) rows[i] - rows[width + i]);
        return v;
    }

    private static String described(TensorSource file, int layer, String kind, double[] v) {
        float[] bias = file.floats(key(layer, kind, "bias")); // (2)
        double[] squares = Arrays.stream(v).map(x -> x * x).sorted().toArray();
        double all = Arrays.stream(squares).sum();
        int few = squares.length / 100 + 1;
        double top =
                Arrays.stream(squares, squares.length - few, squares.length).sum();
        return String.format(Locale.ROOT, "%6.2f %5.2f %4.1f %%", Math.sqrt(all), bias[0] - bias[1], 100 * top / all);
    }

    private static double cosine(double[] a, double[] b) {
        double dot = 0;
        double aa = 0;
        double bb = 0;
        for (int i = 0; i < a.length; i++) {
            dot += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
        }
        return dot / Math.sqrt(aa * bb);
    }
}
