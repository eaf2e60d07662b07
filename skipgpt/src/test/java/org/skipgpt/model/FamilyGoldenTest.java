package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** Logits and hidden states of Hugging Face transformers, one tiny random checkpoint a family. */
public class FamilyGoldenTest {
    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void logitsEqualTransformers(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);

            float[][][] together = model.logits(golden.ids(0), golden.ids(1));

            for (int s = 0; s < 2; s++) {
                float[] expected = golden.floats("logits." + s);
                assertThat(maxDifference(flat(together[s]), expected))
                        .as("batch, sequence %d", s)
                        .isLessThan(TOLERANCE);
                assertThat(maxDifference(flat(model.logits(golden.ids(s))[0]), expected))
                        .as("alone, sequence %d", s)
                        .isLessThan(TOLERANCE);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void statesAfterEveryLayerEqualTransformers(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel model = golden.model(manager);
            float[] expected = golden.floats("hidden.0");
            int size = golden.ids(0).length * model.config().width();
            double[] worst = {0};
            try (NDManager scope = model.scope()) {
                Rows rows = model.decoder().rows(scope, golden.ids(0));
                model.forward(rows, new Trace() {
                    @Override
                    public void module(ModuleSite site, NDArray before, NDArray after, Decision d, Rows r) {
                        if (site.module() == ModuleKind.MLP) {
                            int from = (site.layer() + 1) * size;
                            float[] layer = Arrays.copyOfRange(expected, from, from + size);
                            worst[0] = Math.max(worst[0], maxDifference(after.toFloatArray(), layer));
                        }
                    }
                });
            }
            assertThat(worst[0]).isLessThan(TOLERANCE);
        }
    }

    public static float[] flat(float[][] rows) {
        float[] out = new float[rows.length * rows[0].length];
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(rows[i], 0, out, i * rows[0].length, rows[0].length);
        }
        return out;
    }

    public static double maxDifference(float[] a, float[] b) {
        assertThat(a).hasSameSizeAs(b);
        double worst = 0;
        for (int i = 0; i < a.length; i++) {
            double d = Math.abs((double) a[i] - b[i]);
            worst = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(worst, d);
        }
        return worst;
    }
}
