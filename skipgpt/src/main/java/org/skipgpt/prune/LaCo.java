package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
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
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;

/**
 * Layer collapse (LaCo; Yang et al., 2024): later layers are merged into an earlier one where the last hidden states stay
 * similar; the result is an ordinary model with fewer layers and weights of its own.
 *
 * <p>The original stays as it is, and its matrices that are not merged are shared: keep its workspace open.
 *
 * <p>Paper: {@code theta_l* = theta_l + sum_k (theta_(l+k) - theta_l)}, k = 1..m, for the seven matrices; norms of layer l stay.
 *
 * <pre>{@code
 * LaCo result = LaCo.run(model, LaCoConfig.official(model.config().layers()), texts, manager, ProgressObserver.silent());
 * LanguageModel smaller = result.model();
 * }</pre>
 *
 * @param model the smaller model
 * @param config how layers were merged
 * @param tries every merge that was tried, in order
 * @param provenance what it was made from and on
 */
public record LaCo(LanguageModel model, LaCoConfig config, List<Try> tries, Provenance provenance) implements Report {
    /**
     * One merge that was tried.
     *
     * @param layer into which layers were merged, counted in the model of that moment
     * @param merged how many followers
     * @param similarity mean cosine of the last hidden states with the original's
     * @param accepted whether it was kept
     */
    public record Try(int layer, int merged, double similarity, boolean accepted) {}

    /** Copies the list. */
    public LaCo {
        tries = List.copyOf(tries);
    }

    /**
     * Merges from the highest layer down.
     *
     * @param texts a few texts as token ids
     * @param owner owns the merged weights; close it after the last use of the result
     * @throws IllegalArgumentException if the model skips or has an adapter, or without a text
     */
    public static LaCo run(
            LanguageModel model, LaCoConfig config, List<int[]> texts, NDManager owner, ProgressObserver observer) {
        if (model.skips() || model.adapter().isPresent()) {
            throw new IllegalArgumentException("layers of a dense model are merged, but this one is "
                    + model.policy().describe()
                    + (model.adapter().isPresent() ? " with an adapter: use Lora.merge" : "")
                    + "; merge first, then let it skip");
        }
        if (!model.config().shapes().isEmpty()) {
            throw new IllegalArgumentException("layers are merged number by number, but those of " + model.name()
                    + " have shapes of their own: merge first, then prune what is in them");
        }
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("no text to compare hidden states on; give a few");
        }
        try (InUse.Hold held = model.hold()) {
            return new Merging(model, config, texts, owner, observer).run();
        }
    }

    private static final class Merging {
        private final LanguageModel base;
        private final LaCoConfig config;
        private final List<int[]> texts;
        private final NDManager owner;
        private final ProgressObserver observer;
        private final TorchProgram program;
        private final List<Try> tries = new ArrayList<>();

        Merging(LanguageModel base, LaCoConfig config, List<int[]> texts, NDManager owner, ProgressObserver observer) {
            this.base = base;
            this.config = config;
            this.texts = texts;
            this.owner = owner;
            this.observer = observer;
            this.program = TorchProgram.compile(
                    owner, TorchSource.of(LaCo.class, "laco.torchscript").code());
        }

        LaCo run() {
            long start = System.nanoTime();
            int depth = base.config().layers();
            List<float[]> original = hidden(base.decoder().weights(), base.config());
            List<Integer> kept = IntStream.range(0, depth).boxed().toList();
            List<LayerWeights> layers = base.decoder().weights().layers();
            int at = Math.min(config.highest(), depth) - config.size();
            while (at >= config.lowest() && layers.size() > config.depth()) {
                Interruption.check();
                // Never below the wanted depth, and never beyond the last layer.
                int most = Math.min(config.size() - 1, layers.size() - config.depth());
                int followers = Math.min(most, layers.size() - 1 - at);
                NDManager trial = owner.newSubManager();
                List<LayerWeights> merged = merged(layers, at, followers, trial);
                List<Integer> left = without(kept, at, followers);
                double similarity = similarity(
                        original, hidden(weights(merged), base.config().withLayers(left)));
                boolean accepted = followers > 0 && similarity > config.similarity();
                tries.add(new Try(at, followers, similarity, accepted));
                if (accepted) {
                    layers = merged;
                    kept = left;
                    at -= config.interval();
                    at = at >= layers.size() ? layers.size() - 1 - config.size() : at;
                } else {
                    trial.close();
                    at--;
                }
                double seconds = (System.nanoTime() - start) / 1e9;
                String note = layers.size() + " layers left";
                observer.progress(
                        new Progress("merging layers", depth - Math.max(0, at), depth, "layers", seconds, note));
            }
            DecoderConfig shape = base.config().withLayers(kept);
            String name = base.name() + " LaCo " + shape.layers() + "/" + depth;
            LanguageModel smaller = LanguageModel.dense(name, "", base.tokenizer(), shape, weights(layers));
            Provenance provenance =
                    base.provenance("LaCo " + config, texts).withSeconds((System.nanoTime() - start) / 1e9);
            return new LaCo(smaller, config, tries, provenance);
        }

        private static List<Integer> without(List<Integer> kept, int at, int followers) {
            List<Integer> left = new ArrayList<>(kept);
            left.subList(at + 1, at + 1 + followers).clear();
            return left;
        }

        private List<LayerWeights> merged(List<LayerWeights> layers, int at, int followers, NDManager trial) {
            List<LayerWeights> group = layers.subList(at, at + 1 + followers);
            List<LayerWeights> merged = new ArrayList<>(layers.subList(0, at));
            merged.add(LayerWeights.sharing(
                    trial,
                    merged(group.stream().map(LayerWeights::attention).toList(), trial),
                    merged(group.stream().map(LayerWeights::mlp).toList(), trial),
                    List.of()));
            merged.addAll(layers.subList(at + 1 + followers, layers.size()));
            return merged;
        }

        private List<NDArray> merged(List<List<NDArray>> group, NDManager trial) {
            List<NDArray> first = group.get(0);
            List<NDArray> merged = new ArrayList<>();
            for (int i = 0; i < first.size(); i++) {
                int place = i;
                List<NDArray> matrices =
                        group.stream().map(arrays -> arrays.get(place)).toList();
                boolean matrix = first.get(i).getShape().dimension() == 2;
                merged.add(matrix && group.size() > 1 ? matrix(matrices, trial) : first.get(i));
            }
            return merged;
        }

        private NDArray matrix(List<NDArray> group, NDManager trial) {
            if (config.merge() == LaCoConfig.Merge.OFFICIAL) {
                return group.get(group.size() - 1);
            }
            // theta + sum (theta_k - theta) = sum of all - m theta; the mean is the sum over m + 1.
            NDArray sum = program.call("begin", group.get(0));
            boolean mean = config.merge() == LaCoConfig.Merge.MEAN;
            for (NDArray next : group.subList(1, group.size())) {
                sum = program.call(mean ? "add" : "difference", sum, next, group.get(0));
            }
            NDArray end = program.call("end", sum, group.get(0), trial.create(mean ? 1f / group.size() : 1f));
            end.attach(trial);
            return end;
        }

        private DecoderWeights weights(List<LayerWeights> layers) {
            DecoderWeights all = base.decoder().weights();
            // Layers of its own, since a model's reordered copies belong to that model.
            List<LayerWeights> own = layers.stream()
                    .map(layer -> LayerWeights.sharing(owner, layer.attention(), layer.mlp(), List.of()))
                    .toList();
            return all.withLayers(owner, own);
        }

        /** Last hidden states of every text behind the final norm, flat. */
        private List<float[]> hidden(DecoderWeights weights, DecoderConfig shape) {
            try (NDManager scope = owner.newSubManager()) {
                DecoderWeights scoped = weights.withLayers(scope, weights.layers());
                // Kernels that take matrices as they are: reordering would copy each of them for one pass.
                Decoder decoder = LanguageModel.dense("candidate", "", base.tokenizer(), shape, scoped)
                        .differentiable();
                List<float[]> found = new ArrayList<>();
                for (int[] text : texts) {
                    Interruption.check();
                    try (NDManager one = scope.newSubManager()) {
                        Rows rows = decoder.rows(one, text);
                        NDArray x =
                                decoder.forward(rows, LayerPolicy.dense(), Execution.MASKED, Trace.none()); // (T, D)
                        found.add(decoder.program()
                                .call("norm", x, weights.finalNorm())
                                .toFloatArray());
                    }
                }
                return found;
            }
        }

        private static double similarity(List<float[]> a, List<float[]> b) {
            double sum = 0;
            for (int i = 0; i < a.size(); i++) {
                sum += Similarities.cosines(a.get(i), b.get(i), a.get(i).length);
            }
            return sum / a.size();
        }
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder(model + "\n" + config + "\nlayer  followers  similarity");
        for (Try one : tries) {
            out.append(String.format(
                    Locale.ROOT,
                    "\n%5d  %9d  %10.4f%s",
                    one.layer(),
                    one.merged(),
                    one.similarity(),
                    one.accepted() ? "  merged" : ""));
        }
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
