package org.skipgpt.weights;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Families;
import org.skipgpt.shape.Phi3;
import org.skipgpt.shape.Projection;

/**
 * Matrices of a layer that the folders of a family hold as one, the rows of each below those of the one before, such as
 * {@code qkv_proj} of {@link Phi3}. Tensors of other names are as they are stored.
 */
final class JoinedMatrices {
    private static final Pattern LAYER = Pattern.compile("(.*\\blayers\\.(\\d{1,6})\\.)(.+)\\.weight");

    private final DecoderConfig config;
    private final Map<String, List<Projection>> joined;

    JoinedMatrices(DecoderConfig config) {
        this.config = config;
        this.joined = Families.named(config.family()).joined();
    }

    /** The name of the stored tensor that has the rows of this one. */
    String stored(String name) {
        Matcher layer = LAYER.matcher(name);
        if (!layer.matches()) {
            return name;
        }
        return joined.entrySet().stream()
                .filter(one ->
                        one.getValue().stream().anyMatch(part -> part.key().equals(layer.group(3))))
                .map(one -> layer.group(1) + one.getKey() + ".weight")
                .findFirst()
                .orElse(name);
    }

    /** What is stored of tensors that follow each other in their order. */
    List<TensorInfo> together(List<TensorInfo> parts) {
        Map<String, TensorInfo> all = new LinkedHashMap<>();
        for (TensorInfo part : parts) {
            String name = stored(part.name());
            all.merge(name, new TensorInfo(name, part.format(), part.shape()), JoinedMatrices::below);
        }
        return List.copyOf(all.values());
    }

    private static TensorInfo below(TensorInfo above, TensorInfo more) {
        long[] shape = above.shape().clone();
        shape[0] += more.shape()[0];
        return new TensorInfo(above.name(), above.format(), shape);
    }

    /**
     * The tensors of a source, those that are joined under the names of their parts.
     *
     * @throws CheckpointException if one of them has another shape than its parts have together
     */
    TensorSource apart(TensorSource source) {
        return joined.isEmpty() ? source : new Apart(source, parts(source));
    }

    private Map<String, Part> parts(TensorSource source) {
        Map<String, Part> parts = new LinkedHashMap<>();
        for (String name : source.names()) {
            Matcher layer = LAYER.matcher(name);
            List<Projection> within =
                    layer.matches() ? joined.getOrDefault(layer.group(3), List.of()) : List.<Projection>of();
            if (within.isEmpty() || Integer.parseInt(layer.group(2)) >= config.layers()) {
                parts.put(name, new Part(source.info(name), 0));
            } else {
                parts.putAll(cut(source.info(name), layer.group(1), Integer.parseInt(layer.group(2)), within));
            }
        }
        return parts;
    }

    private Map<String, Part> cut(TensorInfo info, String prefix, int layer, List<Projection> within) {
        long columns = within.get(0).inputs(config, layer);
        long rows = within.stream().mapToLong(p -> p.outputs(config, layer)).sum();
        if (!Arrays.equals(info.shape(), new long[] {rows, columns})) {
            throw new CheckpointException("tensor " + info.name() + " has shape " + Arrays.toString(info.shape())
                    + " but config.json asks for [" + rows + ", " + columns
                    + "]: the two files do not belong together");
        }
        Map<String, Part> parts = new LinkedHashMap<>();
        long above = 0;
        for (Projection p : within) {
            long own = p.outputs(config, layer);
            TensorInfo part = new TensorInfo(prefix + p.key() + ".weight", info.format(), new long[] {own, columns});
            parts.put(part.name(), new Part(part, above * columns * info.elementBytes()));
            above += own;
        }
        return parts;
    }

    /**
     * A tensor or some rows of it.
     *
     * @param from its first byte in the stored tensor
     */
    private record Part(TensorInfo info, long from) {}

    private final class Apart implements TensorSource {
        private final TensorSource source;
        private final Map<String, Part> parts;

        Apart(TensorSource source, Map<String, Part> parts) {
            this.source = source;
            this.parts = parts;
        }

        @Override
        public Set<String> names() {
            return parts.keySet();
        }

        @Override
        public TensorInfo info(String name) {
            Part part = parts.get(name);
            return part == null ? source.info(stored(name)) : part.info();
        }

        @Override
        public ByteBuffer bytes(String name, long from, int length) {
            Part part = parts.get(name);
            long before = part == null ? 0 : part.from();
            return source.bytes(stored(name), before + from, length);
        }

        @Override
        public long storedBytes(String name) {
            Part part = parts.get(name);
            long all = source.storedBytes(stored(name));
            double share = part == null
                    ? 1
                    : part.info().elements()
                            / (double) source.info(stored(name)).elements();
            return Math.round(all * share);
        }

        @Override
        public void close() {
            source.close();
        }
    }
}
