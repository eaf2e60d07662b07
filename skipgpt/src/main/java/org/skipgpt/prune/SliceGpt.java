package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.model.Decoder;
import org.skipgpt.model.Execution;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Trace;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerArray;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;

/**
 * SliceGPT (Ashkboos et al., 2024): the stream is turned into the directions it varies along most, and all matrices lose the
 * rows and columns of the others. The original stays as it is.
 *
 * <p>Q of a place in the model holds the leading eigenvectors of {@code sum X^T X} there; {@code W_in Q}, {@code Q^T W_out},
 * and a stream that leaves one place for the next passes {@code Q_before^T Q_after}. Norms' weights are folded into the
 * matrices behind them, since a norm without weights commutes with a rotation. Behind the last layer nothing is cut.
 *
 * <p>Deviation: the released code takes the mean off embeddings, which is right for LayerNorm and changes an RMSNorm model,
 * adds a hundredth of the mean square to each direction, which turns none, and turns the kept directions at random among
 * themselves, which changes nothing that is computed; none of it is done here.
 *
 * <pre>{@code
 * SliceGpt result = SliceGpt.run(model, SliceGptConfig.sliced(model.config(), 0.25), texts, manager, observer);
 * LanguageModel smaller = result.model();
 * }</pre>
 *
 * @param model the smaller model
 * @param config how it was sliced
 * @param kept share of the streams' sum of squares along the kept directions: entering each module in turn, then leaving the
 *     last; 2L + 1
 * @param parameterRatio share of the block parameters that went
 * @param provenance what it was made from and on
 */
public record SliceGpt(
        LanguageModel model, SliceGptConfig config, double[] kept, double parameterRatio, Provenance provenance)
        implements Report {
    /**
     * Slices.
     *
     * @param texts calibration texts as token ids
     * @param owner owns the sliced matrices; close it after the last use of the result
     * @throws IllegalArgumentException if the model skips, has an adapter or norms behind its modules, is narrower, or without
     *     a text
     */
    public static SliceGpt run(
            LanguageModel model, SliceGptConfig config, List<int[]> texts, NDManager owner, ProgressObserver observer) {
        if (model.skips() || model.adapter().isPresent()) {
            throw new IllegalArgumentException("a dense model is sliced, but this one is "
                    + model.policy().describe()
                    + (model.adapter().isPresent() ? " with an adapter: use Lora.merge" : "")
                    + "; slice first, then let it skip");
        }
        if (model.config().postNorm() || model.config().hasShortcuts()) {
            throw new IllegalArgumentException(
                    model.config().postNorm()
                            ? "modules of " + model.name()
                                    + " norm what they add, component by component, which no rotation"
                                    + " passes: SliceGPT is for models without norms behind modules"
                            : model.name() + " is sliced already: slice the model it came from to another width");
        }
        if (config.width() > model.config().width()) {
            throw new IllegalArgumentException("width " + config.width() + " is not possible: " + model.name() + " has "
                    + model.config().width() + " columns");
        }
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("no calibration text; give at least one sequence");
        }
        model.decoder().weights().checkOnePlace("slicing");
        long start = System.nanoTime();
        Slicing slicing = new Slicing(model, config, owner);
        try (NDManager scope = owner.newSubManager()) {
            slicing.run(scope, texts, observer);
        }
        double[] kept = slicing.kept.stream().mapToDouble(Double::doubleValue).toArray();
        Provenance provenance =
                model.provenance(config.toString(), texts).withSeconds((System.nanoTime() - start) / 1e9);
        return new SliceGpt(slicing.model(), config, kept, config.parameterRatio(model.config()), provenance);
    }

    private static final class Slicing {
        private final LanguageModel base;
        private final DecoderConfig shape;
        private final DecoderWeights weights;
        private final NDManager owner;
        private final int width;
        private final TorchProgram program;
        private final List<LayerWeights> layers = new ArrayList<>();
        private final List<Double> kept = new ArrayList<>();
        private List<NDArray> streams = new ArrayList<>();
        private final List<NDArray> ends = new ArrayList<>();

        Slicing(LanguageModel base, SliceGptConfig config, NDManager owner) {
            this.base = base;
            this.shape = config.shape(base.config());
            this.weights = base.decoder().weights();
            this.owner = owner;
            this.width = config.width();
            this.program = TorchProgram.compile(
                    owner, TorchSource.of(SliceGpt.class, "slices.torchscript").code());
        }

        void run(NDManager scope, List<int[]> texts, ProgressObserver observer) {
            long start = System.nanoTime();
            Decoder decoder = base.decoder();
            List<Rows> rows = new ArrayList<>();
            for (int[] text : texts) {
                rows.add(decoder.rows(scope, text));
                streams.add(decoder.embed(rows.get(rows.size() - 1))); // (T, D)
            }
            NDArray q = directions(scope, width); // (D, w)
            NDArray embedding = program.call("inputs", weights.embedding(), ones(scope), q); // (V, w)
            for (int layer = 0; layer < shape.layers(); layer++) {
                NDArray middle = through(scope, decoder, new ModuleSite(layer, ModuleKind.ATTENTION), rows, q, width);
                int next = layer + 1 < shape.layers() ? width : shape.width();
                NDArray after = through(scope, decoder, new ModuleSite(layer, ModuleKind.MLP), rows, middle, next);
                layers.add(sliced(weights.layers().get(layer), q, middle, after));
                q = after;
                double seconds = (System.nanoTime() - start) / 1e9;
                observer.progress(new Progress("slicing", layer + 1, shape.layers(), "layers", seconds, ""));
            }
            NDArray head = program.call("inputs", weights.head(), weights.finalNorm(), q); // (V, D)
            for (NDArray end : List.of(embedding, head)) {
                end.attach(owner);
                ends.add(end);
            }
        }

        // A module that reads only what lies along q does what its sliced form will do: a norm divides by the length,
        // which
        // is the same in any directions.
        private NDArray through(
                NDManager scope, Decoder decoder, ModuleSite site, List<Rows> rows, NDArray q, int columns) {
            List<NDArray> next = new ArrayList<>();
            for (int i = 0; i < rows.size(); i++) {
                Interruption.check();
                try (NDArray before = streams.get(i);
                        NDArray x = program.call("projected", before, q)) { // (T, D)
                    next.add(decoder.module(
                            site, x, x, rows.get(i), LayerPolicy.dense(), Execution.MASKED, Trace.none())); // (T, D)
                }
            }
            streams = next;
            return directions(scope, columns); // (D, w)
        }

        private NDArray directions(NDManager scope, int columns) {
            int d = base.config().width();
            try (NDManager own = scope.newSubManager()) {
                NDArray moment = own.zeros(new Shape(d, d), DataType.FLOAT64); // (D, D)
                for (NDArray stream : streams) {
                    NDArray more = program.call("moment", stream, moment); // (D, D)
                    more.attach(own);
                    moment.close();
                    moment = more;
                }
                NDList found = program.callAll("directions", moment);
                double[] along = found.get(1).toDoubleArray();
                double all = Arrays.stream(along).sum();
                kept.add(Arrays.stream(along).limit(columns).sum() / all);
                NDArray q = found.get(0).get(":, :" + columns).duplicate(); // (D, w)
                q.attach(scope);
                return q;
            }
        }

        private LayerWeights sliced(LayerWeights layer, NDArray in, NDArray middle, NDArray out) {
            List<NDArray> own = new ArrayList<>();
            List<NDArray> attention = new ArrayList<>(layer.attention());
            List<NDArray> mlp = new ArrayList<>(layer.mlp());
            inputs(own, attention, ModuleKind.ATTENTION, LayerArray.QUERY, in);
            inputs(own, attention, ModuleKind.ATTENTION, LayerArray.KEY_VALUE, in);
            outputs(own, attention, ModuleKind.ATTENTION, LayerArray.OUT, middle);
            inputs(own, mlp, ModuleKind.MLP, LayerArray.GATE_UP, middle);
            outputs(own, mlp, ModuleKind.MLP, LayerArray.DOWN, out);
            // The norms' weights are in the matrices behind them now.
            attention.set(place(ModuleKind.ATTENTION, LayerArray.NORM), kept(own, norm()));
            mlp.set(place(ModuleKind.MLP, LayerArray.NORM), kept(own, norm()));
            NDArray first = program.call("between", in, middle); // (w, w)
            NDArray second = program.call("between", middle, out); // (w', w)
            first.attach(owner);
            second.attach(owner);
            return LayerWeights.sharing(owner, attention, mlp, own).withShortcuts(first, second);
        }

        private void inputs(
                List<NDArray> own, List<NDArray> arrays, ModuleKind module, LayerArray array, NDArray directions) {
            int at = place(module, array);
            NDArray norm = arrays.get(place(module, LayerArray.NORM));
            arrays.set(at, kept(own, program.call("inputs", arrays.get(at), norm, directions)));
        }

        private void outputs(
                List<NDArray> own, List<NDArray> arrays, ModuleKind module, LayerArray array, NDArray directions) {
            int at = place(module, array);
            arrays.set(at, kept(own, program.call("outputs", arrays.get(at), directions)));
        }

        private int place(ModuleKind module, LayerArray array) {
            return LayerTensors.place(base.config(), module, array);
        }

        private NDArray kept(List<NDArray> own, NDArray made) {
            made.attach(owner);
            own.add(made);
            return made;
        }

        // The mean of squares is taken over the columns that are there; that over all D is smaller.
        private NDArray norm() {
            float[] weight = new float[width];
            Arrays.fill(weight, (float) Math.sqrt((double) base.config().width() / width));
            return owner.create(weight);
        }

        private NDArray ones(NDManager scope) {
            return scope.ones(new Shape(base.config().width()));
        }

        LanguageModel model() {
            NDArray finalNorm = owner.ones(new Shape(base.config().width()));
            DecoderWeights sliced =
                    new DecoderWeights(owner, weights.dtype(), ends.get(0), layers, finalNorm, ends.get(1));
            String name = String.format(
                    Locale.ROOT,
                    "%s SliceGPT %d/%d",
                    base.name(),
                    width,
                    base.config().width());
            return LanguageModel.dense(name, "", base.tokenizer(), shape, sliced);
        }
    }

    @Override
    public String text() {
        return String.format(
                Locale.ROOT,
                "%s%n%s: %.1f %% of block parameters went; kept of the stream's squares: %.2f %% at least, %.2f %% on"
                        + " average",
                model,
                config,
                100 * parameterRatio,
                100 * Arrays.stream(kept).min().orElse(1),
                100 * Arrays.stream(kept).average().orElse(1));
    }

    @Override
    public String toString() {
        return text();
    }
}
