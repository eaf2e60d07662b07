package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/**
 * Residual rows whose keys and values enter one layer's cache now, by sequence, then by position.
 *
 * @param x (m, D)
 * @param counts how many belong to each sequence; S
 * @param offsets (S+1) int64 on the CPU
 * @param positions (m) int64 on the CPU
 * @param cos (m, 1, E)
 * @param sin (m, 1, E)
 * @param own those of these arrays that were made for it, freed with it
 */
record NewKeys(NDArray x, int[] counts, NDArray offsets, NDArray positions, NDArray cos, NDArray sin, List<NDArray> own)
        implements AutoCloseable {
    /** Every new row. */
    static NewKeys all(ModuleSite site, NDArray x, Rows rows) {
        int[] counts = IntStream.range(0, rows.sequences())
                .map(s -> rows.starts()[s + 1] - rows.starts()[s])
                .toArray();
        return of(site, x, counts, rows.offsets(), rows.positions(), rows);
    }

    /** Some new rows. */
    static NewKeys some(ModuleSite site, Decoder decoder, NDArray x, Rows rows, RowSet set) {
        NDArray chosen = decoder.take(x, set.index()); // (m, D)
        NDArray cos = decoder.take(rows.cos(site.layer()), set.index());
        NDArray sin = decoder.take(rows.sin(site.layer()), set.index());
        return new NewKeys(
                chosen, counts(rows, set), set.offsets(), set.positions(), cos, sin, List.of(chosen, cos, sin));
    }

    /** Some new rows, to be taken from x, cos and sin of all. */
    static NewKeys of(ModuleSite site, NDArray x, RowSet set, Rows rows) {
        return of(site, x, counts(rows, set), set.offsets(), set.positions(), rows);
    }

    private static NewKeys of(ModuleSite site, NDArray x, int[] counts, NDArray offsets, NDArray positions, Rows rows) {
        int layer = site.layer();
        return new NewKeys(x, counts, offsets, positions, rows.cos(layer), rows.sin(layer), List.of());
    }

    private static int[] counts(Rows rows, RowSet set) {
        int[] counts = new int[rows.sequences()];
        for (int row : set.rows()) {
            counts[rows.sequenceOf(row)]++;
        }
        return counts;
    }

    /**
     * Rows that waited, then the first new ones of each sequence.
     *
     * @param ends for each sequence the first new row that is not taken; a sequence none of whose rows is taken keeps
     *     its waiting ones waiting
     */
    static NewKeys waitingAnd(ModuleSite site, Decoder decoder, KvCache.Layer layer, NDArray x, Rows rows, int[] ends) {
        NDManager scope = x.getManager();
        NDList pieces = new NDList();
        List<NDArray> own = new ArrayList<>();
        int[] counts = new int[rows.sequences()];
        int[] positions = new int[0];
        for (int s = 0; s < rows.sequences(); s++) {
            int from = rows.starts()[s];
            if (ends[s] == from) {
                continue;
            }
            KvCache.Pending waiting = layer.pending(s);
            pieces.addAll(waiting.pieces());
            NDArray piece = Decoder.slice(x, from, ends[s]);
            pieces.add(piece);
            if (piece != x) {
                own.add(piece);
            }
            counts[s] = waiting.count() + ends[s] - from;
            positions = joined(positions, waiting.positions());
            positions = joined(positions, Arrays.copyOfRange(rows.at(), from, ends[s]));
        }
        NDArray all = pieces.size() == 1 ? pieces.get(0) : NDArrays.concat(pieces, 0); // (m, D)
        // The result belongs to the owner of its first piece, and waiting rows belong to the cache.
        all.attach(scope);
        if (pieces.size() > 1) {
            own.add(all);
        }
        int[] offsets = new int[counts.length + 1];
        for (int s = 0; s < counts.length; s++) {
            offsets[s + 1] = offsets[s] + counts[s];
        }
        NDArray at = Torch.onCpu(scope, Rows.wide(positions));
        NDList angles = decoder.angles(site.layer(), at);
        own.addAll(angles);
        return new NewKeys(all, counts, Torch.onCpu(scope, Rows.wide(offsets)), at, angles.get(0), angles.get(1), own);
    }

    @Override
    public void close() {
        own.forEach(NDArray::close);
    }

    private static int[] joined(int[] a, int[] b) {
        int[] out = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, out, a.length, b.length);
        return out;
    }
}
