package org.skipgpt.prune;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerArray;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.LayerWeights;

/**
 * LLM-Pruner (Ma et al., 2023), block-wise: the least important heads and MLP channels go from all matrices they are in; the
 * result is a model whose layers have shapes of their own. The original stays, and layers that are not pruned are shared: keep
 * its workspace open.
 *
 * <p>A group is what depends on each other: a key head with its value head and the query heads that read it, rows of q, k, v
 * and columns of o; or a channel of the MLP, rows of gate and up, a column of down. Its importance is the sum of its members'.
 *
 * <pre>{@code
 * LlmPruner result = LlmPruner.run(model, LlmPrunerConfig.official(32, 0.25), texts, manager, ProgressObserver.silent());
 * LanguageModel smaller = result.model();
 * }</pre>
 *
 * @param model the smaller model
 * @param config how it was pruned
 * @param heads key heads that are left of each layer, ascending
 * @param channels MLP channels that are left of each layer, ascending
 * @param parameterRatio share of the block parameters that went
 * @param provenance what it was made from and on
 */
public record LlmPruner(
        LanguageModel model,
        LlmPrunerConfig config,
        List<int[]> heads,
        List<int[]> channels,
        double parameterRatio,
        Provenance provenance)
        implements Report {
    /** Copies the lists. */
    public LlmPruner {
        heads = List.copyOf(heads);
        channels = List.copyOf(channels);
    }

    /**
     * Prunes.
     *
     * @param texts calibration texts as token ids; 10 of 64 tokens in the paper
     * @param owner owns the smaller matrices; close it after the last use of the result
     * @throws IllegalArgumentException if the model skips, has an adapter, half precision or fewer layers, norms all heads
     *     together, or without a text
     */
    public static LlmPruner run(
            LanguageModel model,
            LlmPrunerConfig config,
            List<int[]> texts,
            NDManager owner,
            ProgressObserver observer) {
        if (model.skips() || model.adapter().isPresent()) {
            throw new IllegalArgumentException("a dense model is pruned, but this one is "
                    + model.policy().describe()
                    + (model.adapter().isPresent() ? " with an adapter: use Lora.merge" : "")
                    + "; prune first, then let it skip");
        }
        if (!model.config().preNorm() || model.config().wideQkNorm()) {
            throw new IllegalArgumentException("modules of " + model.name()
                    + " norm all heads together and what they add, so that less of one changes the rest: LLM-Pruner is for"
                    + " models whose modules norm what they read");
        }
        if (config.last() >= model.config().layers()) {
            throw new IllegalArgumentException(
                    "layers " + config.first() + ".." + config.last() + " are to be pruned, but "
                            + model.name() + " has " + model.config().layers() + ": use withLayers(0, "
                            + (model.config().layers() - 1) + ") or less");
        }
        long start = System.nanoTime();
        GroupImportance found = GroupImportance.of(model, config, texts, observer);
        Kept kept = new Kept(model.config(), config, found);
        LanguageModel smaller = kept.apply(model, owner);
        Provenance provenance =
                model.provenance(config.toString(), texts).withSeconds((System.nanoTime() - start) / 1e9);
        double ratio =
                1 - (double) smaller.config().blockParameters() / model.config().blockParameters();
        return new LlmPruner(smaller, config, kept.heads, kept.channels, ratio, provenance);
    }

    /** What is left of each layer. */
    private static final class Kept {
        private final DecoderConfig shape;
        private final LlmPrunerConfig config;
        private final List<int[]> heads = new ArrayList<>();
        private final List<int[]> channels = new ArrayList<>();

        Kept(DecoderConfig shape, LlmPrunerConfig config, GroupImportance found) {
            this.shape = shape;
            this.config = config;
            double threshold = config.global() ? threshold(found) : Double.NaN;
            for (int layer = 0; layer < shape.layers(); layer++) {
                boolean pruned = layer >= config.first() && layer <= config.last();
                int gone = config.gone(shape.kvWidth(layer)) / shape.headDim();
                heads.add(left(found.heads().get(layer), pruned ? gone : 0, threshold, pruned));
                gone = config.gone(shape.layer(layer).hidden());
                channels.add(left(found.channels().get(layer), pruned ? gone : 0, threshold, pruned));
            }
        }

        // The importance of the last group that goes where as many go as of one long list.
        private double threshold(GroupImportance found) {
            double[] all = IntStream.rangeClosed(config.first(), config.last())
                    .mapToObj(layer ->
                            Stream.of(found.heads().get(layer), found.channels().get(layer)))
                    .flatMap(both -> both)
                    .flatMapToDouble(Arrays::stream)
                    .sorted()
                    .toArray();
            int gone = config.gone(all.length);
            return gone == 0 ? Double.NEGATIVE_INFINITY : all[gone - 1];
        }

        // A layer keeps one group at least: without any it would be another method's.
        private int[] left(double[] importance, int gone, double threshold, boolean pruned) {
            Integer[] order = IntStream.range(0, importance.length)
                    .boxed()
                    .sorted(Comparator.comparingDouble(group -> importance[group]))
                    .toArray(Integer[]::new);
            int count = config.global() && pruned
                    ? (int) Arrays.stream(importance)
                            .filter(one -> one <= threshold)
                            .count()
                    : gone;
            return Arrays.stream(order)
                    .skip(Math.min(count, order.length - 1))
                    .mapToInt(Integer::intValue)
                    .sorted()
                    .toArray();
        }

        LanguageModel apply(LanguageModel model, NDManager owner) {
            DecoderWeights weights = model.decoder().weights();
            List<LayerShape> shapes = new ArrayList<>();
            List<LayerWeights> layers = new ArrayList<>();
            try (NDManager scope = owner.newSubManager()) {
                TorchProgram program = TorchProgram.compile(
                        scope,
                        TorchSource.of(LlmPruner.class, "slices.torchscript").code());
                for (int layer = 0; layer < shape.layers(); layer++) {
                    LayerShape before = shape.layer(layer);
                    int group = before.heads() / before.kvHeads();
                    int[] ofKeys = heads.get(layer);
                    shapes.add(before.withHeads(group * ofKeys.length, ofKeys.length)
                            .withHidden(channels.get(layer).length));
                    layers.add(smaller(program, weights.layers().get(layer), layer, owner, scope));
                }
            }
            DecoderConfig config = shape.withShapes(shapes);
            String name = String.format(
                    Locale.ROOT,
                    "%s LLM-Pruner %.1f %%",
                    model.name(),
                    100 - 100.0 * config.blockParameters() / shape.blockParameters());
            return LanguageModel.dense(name, "", model.tokenizer(), config, weights.withLayers(owner, layers));
        }

        private LayerWeights smaller(
                TorchProgram program, LayerWeights layer, int index, NDManager owner, NDManager scope) {
            List<NDArray> attention = new ArrayList<>(layer.attention());
            List<NDArray> mlp = new ArrayList<>(layer.mlp());
            List<NDArray> own = new ArrayList<>();
            LayerShape before = shape.layer(index);
            if (heads.get(index).length < before.kvHeads()) {
                int width = shape.headDim();
                int group = before.heads() / before.kvHeads();
                NDArray query = scope.create(spread(heads.get(index), group * width));
                NDArray keyValue = scope.create(twice(spread(heads.get(index), width), shape.kvWidth(index)));
                own.add(replace(program, "rows", attention, place(LayerArray.QUERY), query, owner));
                own.add(replace(program, "rows", attention, place(LayerArray.KEY_VALUE), keyValue, owner));
                own.add(replace(program, "columns", attention, place(LayerArray.OUT), query, owner));
                if (shape.qkvBias()) {
                    own.add(replace(program, "rows", attention, place(LayerArray.QUERY_BIAS), query, owner));
                    own.add(replace(program, "rows", attention, place(LayerArray.KEY_VALUE_BIAS), keyValue, owner));
                }
            }
            if (channels.get(index).length < before.hidden()) {
                long[] one = spread(channels.get(index), 1);
                NDArray both = scope.create(twice(one, before.hidden()));
                own.add(replace(program, "rows", mlp, placeInMlp(LayerArray.GATE_UP), both, owner));
                own.add(replace(program, "columns", mlp, placeInMlp(LayerArray.DOWN), scope.create(one), owner));
            }
            return LayerWeights.sharing(owner, attention, mlp, own).withShortcutsOf(layer);
        }

        private int place(LayerArray array) {
            return LayerTensors.place(shape, ModuleKind.ATTENTION, array);
        }

        private int placeInMlp(LayerArray array) {
            return LayerTensors.place(shape, ModuleKind.MLP, array);
        }

        private static NDArray replace(
                TorchProgram program, String some, List<NDArray> arrays, int at, NDArray kept, NDManager owner) {
            NDArray made = program.call(some, arrays.get(at), kept);
            made.attach(owner);
            arrays.set(at, made);
            return made;
        }

        // The channels of some heads, each so wide.
        private static long[] spread(int[] heads, int width) {
            return Arrays.stream(heads)
                    .flatMap(head -> IntStream.range(head * width, (head + 1) * width))
                    .asLongStream()
                    .toArray();
        }

        // Keys lie over values, and gates over what goes up.
        private static long[] twice(long[] rows, int below) {
            return LongStream.concat(Arrays.stream(rows), Arrays.stream(rows).map(row -> row + below))
                    .toArray();
        }
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder(String.format(
                Locale.ROOT,
                "%s%n%s: %.1f %% of block parameters went%nlayer  key heads left  MLP channels left",
                model,
                config,
                100 * parameterRatio));
        for (int layer = 0; layer < heads.size(); layer++) {
            out.append(String.format(
                    Locale.ROOT, "%n%5d  %14d  %17d", layer, heads.get(layer).length, channels.get(layer).length));
        }
        return out.toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
