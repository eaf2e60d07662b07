package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * Keys and values of S sequences at every layer, and the residual rows whose keys and values nobody needed yet.
 *
 * <p>A layer holds no arrays before its first key; a module that never executes therefore costs nothing. Room grows by
 * doubling, so that memory is linear in the number of keys.
 */
final class KvCache implements AutoCloseable {
    /** Residual rows a sequence may leave waiting at a layer before their keys and values are computed anyway. */
    static final int PENDING_CAP = 256;

    private static final int FIRST_ROOM = 32;

    private final NDManager manager;
    private final DecoderPrograms programs;
    private final DecoderConfig config;
    private final Places places;
    private final int limit;
    private final int[] positions;
    private final List<Layer> layers = new ArrayList<>();

    /**
     * An empty cache.
     *
     * @param limit most tokens a sequence may hold
     */
    KvCache(NDManager manager, DecoderPrograms programs, DecoderConfig config, int sequences, int limit) {
        this.manager = manager;
        this.places = Places.under(manager);
        this.programs = programs;
        this.config = config;
        this.limit = limit;
        this.positions = new int[sequences];
        for (int i = 0; i < config.layers(); i++) {
            layers.add(new Layer(i, sequences));
        }
    }

    int sequences() {
        return positions.length;
    }

    int limit() {
        return limit;
    }

    /** Tokens each sequence has seen; S. */
    int[] positions() {
        return positions;
    }

    Layer layer(int index) {
        return layers.get(index);
    }

    NDManager manager() {
        return manager;
    }

    /** Bytes of key and value arrays, room included. */
    long bytes() {
        return layers.stream()
                .mapToLong(layer -> layer.bytesPerKey() * layer.room * sequences())
                .sum();
    }

    /** Bytes of the keys and values there are. */
    long usedBytes() {
        return layers.stream()
                .mapToLong(layer -> Arrays.stream(layer.lengths).sum() * layer.bytesPerKey())
                .sum();
    }

    /** Bytes of residual rows that wait for a later token. */
    long pendingBytes() {
        return layers.stream()
                .mapToLong(layer ->
                        layer.pending.stream().mapToLong(Pending::count).sum() * layer.width() * Float.BYTES)
                .sum();
    }

    /**
     * Forgets a sequence's tokens from a length on; they are written anew by the next pass.
     *
     * @throws IllegalStateException if rows wait there, whose keys could belong to any token
     */
    void rewind(int sequence, int length) {
        for (Layer layer : layers) {
            layer.rewind(sequence, length);
        }
        positions[sequence] = Math.min(positions[sequence], length);
    }

    /** A new cache whose sequence i continues sequence sources[i] of this one. */
    KvCache fork(NDManager owner, int... sources) {
        KvCache copy = new KvCache(owner, programs, config, sources.length, limit);
        try (NDManager scope = owner.newSubManager()) {
            List<NDArray> index = Places.under(scope).each(layers.size(), place -> place.create(Rows.wide(sources)));
            NDArray onCpu = Torch.onCpu(scope, Rows.wide(sources));
            for (int i = 0; i < sources.length; i++) {
                copy.positions[i] = positions[sources[i]];
            }
            for (int l = 0; l < layers.size(); l++) {
                copy.layers.get(l).copyFrom(layers.get(l), index.get(l), onCpu, sources);
            }
        }
        return copy;
    }

    @Override
    public void close() {
        manager.close();
    }

    /** Residual rows of one sequence at one layer, in order of position. */
    static final class Pending {
        private final List<NDArray> pieces = new ArrayList<>();
        private int[] positions = new int[0];

        int count() {
            return positions.length;
        }

        void add(NDArray rows, int[] at) {
            pieces.add(rows);
            int count = positions.length;
            positions = Arrays.copyOf(positions, count + at.length);
            System.arraycopy(at, 0, positions, count, at.length);
        }

        /** (count, D), cut into pieces. */
        List<NDArray> pieces() {
            return pieces;
        }

        int[] positions() {
            return positions;
        }

        void clear() {
            pieces.forEach(NDArray::close);
            pieces.clear();
            positions = new int[0];
        }
    }

    /** One layer's keys and values, where the layer is. */
    final class Layer {
        private final NDManager owner;
        private final int[] lengths;
        private final List<Pending> pending = new ArrayList<>();
        private final List<NDArray> arrays = new ArrayList<>();
        private final int index;
        private int room;

        private Layer(int index, int sequences) {
            this.index = index;
            this.owner = places.owner(index);
            lengths = new int[sequences];
            for (int s = 0; s < sequences; s++) {
                pending.add(new Pending());
            }
        }

        /** Bytes of one token's key and value. */
        long bytesPerKey() {
            return 2L * config.kvWidth(index) * programs.cacheBytes().get(index);
        }

        private long width() {
            return config.layer(index).width();
        }

        Pending pending(int sequence) {
            return pending.get(sequence);
        }

        boolean isNothingPending() {
            return pending.stream().allMatch(p -> p.count() == 0);
        }

        /** Where each sequence's new rows that may wait begin; all of them may until the sequence has too many. */
        int[] ripe(Rows rows) {
            int[] ends = Arrays.copyOf(rows.starts(), rows.sequences());
            for (int s = 0; s < ends.length; s++) {
                if (pending(s).count() + rows.starts()[s + 1] - ends[s] > PENDING_CAP) {
                    ends[s] = rows.starts()[s + 1];
                }
            }
            return ends;
        }

        /** New rows from the given ends on wait; before them nothing of their sequence does any longer. */
        void leave(NDArray x, Rows rows, int[] ends) {
            for (int s = 0; s < ends.length; s++) {
                int from = rows.starts()[s];
                int to = rows.starts()[s + 1];
                if (ends[s] > from) {
                    pending(s).clear();
                }
                if (ends[s] < to) {
                    // A copy: a view would keep the whole stream alive.
                    NDArray view = Decoder.slice(x, ends[s], to);
                    NDArray left = view.duplicate();
                    Decoder.release(view, x, x);
                    left.attach(owner);
                    pending(s).add(left, Arrays.copyOfRange(rows.at(), ends[s], to));
                }
            }
        }

        // Every token has its key here, or none has: the place of a key is its token's position.
        private void rewind(int sequence, int length) {
            if (pending(sequence).count() > 0) {
                throw new IllegalStateException("layer " + index + " has rows that wait for their keys");
            }
            if (lengths[sequence] > length) {
                lengths[sequence] = length;
                // A new array: setting the old one's numbers would move them away from under whoever looks at its
                // memory.
                arrays.set(3, Torch.onCpu(owner, Rows.wide(lengths))).close();
            }
        }

        /** Keys each sequence has here; S. */
        int[] lengths() {
            return lengths;
        }

        /**
         * Makes room for new keys and counts them as there.
         *
         * @param more new keys of each sequence, S
         * @return keys, values (S, G, C, E), positions (S, C) and how many of them each sequence had, (S)
         */
        List<NDArray> append(int[] more) {
            int needed = 0;
            for (int s = 0; s < more.length; s++) {
                lengths[s] += more[s];
                needed = Math.max(needed, lengths[s]);
            }
            ensureRoom(Math.max(1, needed));
            return arrays;
        }

        private void ensureRoom(int needed) {
            if (needed <= room) {
                return;
            }
            room = Math.min(Math.max(limit, needed), Math.max(Math.max(FIRST_ROOM, needed), 2 * room));
            if (arrays.isEmpty()) {
                arrays.add(room());
                arrays.add(room());
                arrays.add(Torch.onCpu(owner, new long[sequences() * room], sequences(), room));
                arrays.add(Torch.onCpu(owner, new long[sequences()]));
                return;
            }
            try (NDArray capacity = Torch.onCpu(owner, new long[] {room})) {
                for (int i = 0; i < 3; i++) {
                    NDArray larger = programs.base().call("grow", arrays.get(i), capacity);
                    arrays.set(i, larger).close();
                }
            }
        }

        private NDArray room() {
            try (NDArray like = owner.create(0f);
                    NDArray count = Torch.onCpu(owner, new long[] {sequences()});
                    NDArray capacity = Torch.onCpu(owner, new long[] {room})) {
                return programs.ofLayers().get(index).call("room", like, count, capacity);
            }
        }

        private void copyFrom(Layer from, NDArray index, NDArray onCpu, int[] sources) {
            room = from.room;
            for (int i = 0; i < from.arrays.size(); i++) {
                NDArray chosen = programs.base().call("take", from.arrays.get(i), i < 2 ? index : onCpu);
                chosen.attach(owner);
                arrays.add(chosen);
            }
            for (int i = 0; i < sources.length; i++) {
                lengths[i] = from.lengths[sources[i]];
                Pending waiting = from.pending.get(sources[i]);
                for (NDArray piece : waiting.pieces) {
                    NDArray copy = piece.duplicate();
                    copy.attach(owner);
                    pending.get(i).pieces.add(copy);
                }
                pending.get(i).positions = waiting.positions.clone();
            }
        }
    }
}
