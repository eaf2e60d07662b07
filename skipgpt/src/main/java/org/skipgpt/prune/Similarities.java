package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.skipgpt.model.Decision;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.InUse;

/**
 * Mean cosine between the residual stream before and after every module and every layer, over all tokens.
 *
 * @param modules mean cos(x, x + f(norm(x))) of each module in forward order, 2L
 * @param layers mean cos(h_i, h_(i+1)) of each layer, L
 * @param lastNormed the last layer's value when its output is taken behind the final norm
 * @param tokens tokens averaged over
 */
record Similarities(double[] modules, double[] layers, double lastNormed, long tokens) {
    static Similarities of(LanguageModel model, List<int[]> sequences, ProgressObserver observer) {
        if (sequences.isEmpty()) {
            throw new IllegalArgumentException("no calibration text; give at least one sequence");
        }
        if (model.config().hasShortcuts()) {
            throw new IllegalArgumentException("the stream of " + model.name() + " changes its basis at each module, so"
                    + " how similar it is before and after says nothing: rank by perplexity or by Taylor importance");
        }
        long start = System.nanoTime();
        Sums sums = new Sums(model);
        int done = 0;
        for (int[] sequence : sequences) {
            Interruption.check();
            try (InUse.Hold held = model.hold();
                    NDManager scope = model.scope()) {
                Rows rows = model.decoder().rows(scope, sequence);
                sums.add(model.forward(rows, sums), rows.size());
            }
            double seconds = (System.nanoTime() - start) / 1e9;
            observer.progress(new Progress("calibration", ++done, sequences.size(), "texts", seconds, ""));
        }
        return sums.means();
    }

    /** Sum over rows of the cosine of two streams (N, D), in double precision on the host. */
    static double cosines(float[] a, float[] b, int width) {
        double sum = 0;
        for (int row = 0; row < a.length / width; row++) {
            double dot = 0;
            double aa = 0;
            double bb = 0;
            for (int i = row * width; i < (row + 1) * width; i++) {
                dot += (double) a[i] * b[i];
                aa += (double) a[i] * a[i];
                bb += (double) b[i] * b[i];
            }
            // the official code counts an undefined cosine as one half
            sum += aa == 0 || bb == 0 ? 0.5 : dot / Math.sqrt(aa * bb);
        }
        return sum;
    }

    private static final class Sums implements Trace {
        private final LanguageModel model;
        private final double[] modules;
        private final double[] layers;
        private final float[] finalNorm;
        private double lastNormed;
        private long tokens;
        private float[] layerIn = new float[0];
        private float[] lastIn = new float[0];

        Sums(LanguageModel model) {
            this.model = model;
            modules = new double[model.config().modules()];
            layers = new double[model.config().layers()];
            finalNorm = model.decoder().weights().finalNorm().toFloatArray();
        }

        @Override
        public void module(ModuleSite site, NDArray before, NDArray after, Decision decision, Rows rows) {
            int width = model.config().width();
            float[] in = before.toFloatArray();
            float[] out = after.toFloatArray();
            modules[site.index()] += cosines(in, out, width);
            if (site.module() == ModuleKind.ATTENTION) {
                layerIn = in;
            } else {
                layers[site.layer()] += cosines(layerIn, out, width);
                lastIn = layerIn;
            }
        }

        void add(NDArray last, int rows) {
            float[] x = last.toFloatArray();
            int width = finalNorm.length;
            for (int from = 0; from < x.length; from += width) {
                double squares = 0;
                for (int i = 0; i < width; i++) {
                    squares += (double) x[from + i] * x[from + i];
                }
                double scale = 1 / Math.sqrt(squares / width + model.config().normEps());
                for (int i = 0; i < width; i++) {
                    x[from + i] = (float) (x[from + i] * scale * finalNorm[i]);
                }
            }
            lastNormed += cosines(lastIn, x, width);
            tokens += rows;
        }

        Similarities means() {
            for (double[] values : new double[][] {modules, layers}) {
                for (int i = 0; i < values.length; i++) {
                    values[i] /= tokens;
                }
            }
            return new Similarities(modules, layers, lastNormed / tokens, tokens);
        }
    }
}
