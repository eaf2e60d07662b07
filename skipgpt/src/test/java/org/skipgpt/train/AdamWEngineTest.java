package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** The optimizer against its formula, computed here number by number in double precision. */
class AdamWEngineTest {
    private static final LoopConfig CONFIG =
            LoopConfig.defaults().withDecay(0.1).withClip(1).withBeta2(0.95);

    private static final double BIAS_RATE = 3;

    /** p, m and v of one parameter. */
    private static final class Reference {
        private final double[] p;
        private final double[] m;
        private final double[] v;

        Reference(float[] p) {
            this.p = new double[p.length];
            this.m = new double[p.length];
            this.v = new double[p.length];
            for (int i = 0; i < p.length; i++) {
                this.p[i] = p[i];
            }
        }

        void step(long step, double rate, double decay, double[] gradient) {
            for (int i = 0; i < p.length; i++) {
                m[i] = CONFIG.beta1() * m[i] + (1 - CONFIG.beta1()) * gradient[i];
                v[i] = CONFIG.beta2() * v[i] + (1 - CONFIG.beta2()) * gradient[i] * gradient[i];
                double mean = m[i] / (1 - Math.pow(CONFIG.beta1(), step + 1.0));
                double square = v[i] / (1 - Math.pow(CONFIG.beta2(), step + 1.0));
                p[i] = p[i] * (1 - rate * decay) - rate * mean / (Math.sqrt(square) + CONFIG.epsilon());
            }
        }
    }

    private static float[] drawn(Random random, int n, double size) {
        float[] numbers = new float[n];
        for (int i = 0; i < n; i++) {
            numbers[i] = (float) (size * random.nextGaussian());
        }
        return numbers;
    }

    // The gradient of sum(p g) is g.
    private static void backward(NDArray parameter, float[] gradient) {
        try (NDManager scope = parameter.getManager().newSubManager()) {
            NDArray g = scope.create(gradient, parameter.getShape());
            Gradients.backward(parameter.mul(g).sum());
        }
    }

    @Test
    void twentyStepsAreTheFormulaWithGradientsClippedTogetherAndVectorsNotDecayed() {
        Random random = new Random(43);
        try (NDManager manager = Torch.manager(Device.cpu());
                var on = Torch.gradients(true)) {
            Map<String, NDArray> parameters = new LinkedHashMap<>();
            parameters.put("matrix", manager.create(drawn(random, 35, 1), new Shape(5, 7)));
            parameters.put("bias", manager.create(drawn(random, 9, 1), new Shape(9)));
            parameters.values().forEach(Gradients::require);
            Reference matrix = new Reference(parameters.get("matrix").toFloatArray());
            Reference bias = new Reference(parameters.get("bias").toFloatArray());
            try (AdamW optimizer =
                    new AdamW(manager, parameters, name -> name.equals("bias") ? BIAS_RATE : 1, CONFIG)) {
                for (int step = 0; step < 20; step++) {
                    double size = step % 2 == 0 ? 0.01 : 3; // below and above what is clipped
                    float[] ofMatrix = drawn(random, 35, size);
                    float[] ofBias = drawn(random, 9, size);
                    backward(parameters.get("matrix"), ofMatrix);
                    backward(parameters.get("bias"), ofBias);
                    double norm = Math.sqrt(squares(ofMatrix) + squares(ofBias));
                    double factor = Math.min(1, CONFIG.clip() / norm);
                    matrix.step(step, 0.01, CONFIG.decay(), times(ofMatrix, factor));
                    bias.step(step, 0.01 * BIAS_RATE, 0, times(ofBias, factor));
                    double told;
                    try (var off = Torch.gradients(false)) {
                        told = optimizer.step(step, 0.01);
                    }
                    assertThat(told).isCloseTo(norm, within(1e-5 * norm));
                }
            }
            equal(parameters.get("matrix"), matrix);
            equal(parameters.get("bias"), bias);
        }
    }

    @Test
    void gradientsThatAreNotFiniteChangeNothingAndAreCleared() {
        try (NDManager manager = Torch.manager(Device.cpu());
                var on = Torch.gradients(true)) {
            NDArray p = manager.create(new float[] {1, 2, 3});
            Gradients.require(p);
            try (AdamW optimizer = new AdamW(manager, Map.of("p", p), name -> 1, CONFIG)) {
                backward(p, new float[] {1, Float.NaN, 1});
                try (var off = Torch.gradients(false)) {
                    assertThat(optimizer.step(0, 0.1)).isNaN();
                }
            }
            assertThat(p.toFloatArray()).containsExactly(1, 2, 3);
            assertThat(Gradients.of(p).toFloatArray()).containsOnly(0);
        }
    }

    private static double squares(float[] numbers) {
        double sum = 0;
        for (float n : numbers) {
            sum += (double) n * n;
        }
        return sum;
    }

    private static double[] times(float[] numbers, double factor) {
        double[] all = new double[numbers.length];
        for (int i = 0; i < numbers.length; i++) {
            all[i] = numbers[i] * factor;
        }
        return all;
    }

    private static void equal(NDArray parameter, Reference reference) {
        float[] found = parameter.toFloatArray();
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i]).isCloseTo(reference.p[i], within(2e-5));
        }
        assertThat(Gradients.of(parameter).toFloatArray()).containsOnly(0);
    }
}
