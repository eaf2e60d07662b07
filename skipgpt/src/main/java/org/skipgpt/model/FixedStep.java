package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/**
 * Attention of one new token by calls whose shapes and arguments stay the same from token to token; equal to what
 * {@link CachedDecoder} calls otherwise up to rounding. The MLP of one row is such a call as it is.
 *
 * <p>What a CUDA graph must find: where the token stands is a number in an array on the device, queries look at a number of
 * keys that grows by whole buckets, and no call reads a value on the host. Between the calls the host reads each router's
 * decision, so that a module that the token skips is a graph that is not launched. One sequence.
 */
final class FixedStep {
    /** Keys that queries look at are counted in these. */
    static final int BUCKET = 256;

    private final Decoder decoder;
    private final KvPolicy kv;
    private final KvCache cache;
    private final NDArray position;
    private int positionSet; // what it holds
    private final NDArray[] places;
    private final Map<Integer, NDArray> windows = new HashMap<>();
    private final Map<Integer, NDArray> columns = new HashMap<>();
    private final Map<Integer, Seen> seen = new HashMap<>();

    /**
     * A step over a cache, which other passes may write in between.
     *
     * @param kv what rows that skip leave behind
     */
    FixedStep(Decoder decoder, KvPolicy kv, KvCache cache) {
        this.decoder = decoder;
        this.kv = kv;
        this.cache = cache;
        NDManager manager = cache.manager();
        this.position = manager.create(new long[1]);
        this.places = new NDArray[decoder.config().layers()];
        Arrays.setAll(places, layer -> manager.create(new long[1]));
    }

    // A layer's positions on the device, and how many of them are those of the cache.
    private static final class Seen {
        private final NDArray array;
        private int known;

        Seen(NDArray array, int known) {
            this.array = array;
            this.known = known;
        }
    }

    /**
     * The attention module of one new row, whose key and value enter the cache as the policy wants it.
     *
     * @param carried what its output is added to, (1, D)
     * @return (1, D)
     */
    NDArray attention(ModuleSite site, NDArray x, NDArray carried, Rows rows, Decision decision) {
        if (decision.executed(1) == 0) {
            skip(site, x, rows);
            return carried;
        }
        storeWaiting(site);
        NDArray f = attend(site, x, rows); // (1, D)
        if (decision.isWeighted()) {
            return decoder.gated(carried, f, decision.gate()); // (1, D)
        }
        try (f) {
            return carried.add(f); // (1, D)
        }
    }

    private void skip(ModuleSite site, NDArray x, Rows rows) {
        KvCache.Layer layer = cache.layer(site.layer());
        switch (kv) {
            case KEEP -> store(site, x, rows.at()[0], rows.cos(site.layer()), rows.sin(site.layer()));
            case DEFERRED -> {
                if (layer.pending(0).count() >= KvCache.PENDING_CAP) {
                    storeWaiting(site);
                }
                layer.leave(x, rows, new int[] {0});
            }
            case EXECUTED -> {
                // Such a row has no key here.
            }
        }
    }

    // Rows that waited, one after another: each by the same call, however many there are.
    private void storeWaiting(ModuleSite site) {
        KvCache.Pending waiting = cache.layer(site.layer()).pending(0);
        int[] positions = waiting.positions();
        int at = 0;
        for (NDArray piece : List.copyOf(waiting.pieces())) {
            for (int row = 0; row < piece.getShape().get(0); row++) {
                NDManager scope = cache.manager();
                try (NDManager work = scope.newSubManager()) {
                    NDArray x = Decoder.slice(piece, row, row + 1); // (1, D)
                    var angles = decoder.angles(site.layer(), Torch.onCpu(work, new long[] {positions[at]}));
                    store(site, x, positions[at], angles.get(0), angles.get(1));
                    Decoder.release(x, piece, piece);
                    angles.close();
                }
                at++;
            }
        }
        waiting.clear();
    }

    private void store(ModuleSite site, NDArray x, int where, NDArray cos, NDArray sin) {
        int place = cache.layer(site.layer()).lengths()[0];
        List<NDArray> held = cache.layer(site.layer()).append(new int[] {1});
        Seen on = seen(site.layer(), held, place);
        setPosition(where);
        decoder.calls()
                .call(
                        "fixed_store",
                        site,
                        x,
                        position,
                        set(places[site.layer()], place),
                        cos,
                        sin,
                        held.get(0),
                        held.get(1),
                        on.array)
                .close();
        note(held, on, place, where);
    }

    private NDArray attend(ModuleSite site, NDArray x, Rows rows) {
        int layer = site.layer();
        int where = rows.at()[0];
        int place = cache.layer(layer).lengths()[0];
        List<NDArray> held = cache.layer(layer).append(new int[] {1});
        Seen on = seen(layer, held, place);
        setPosition(where);
        NDArray f = decoder.calls()
                .call(
                        "fixed_attention",
                        site,
                        x,
                        position,
                        set(places[layer], place),
                        columns(place, (int) held.get(0).getShape().get(2)),
                        window(layer),
                        rows.cos(layer),
                        rows.sin(layer),
                        held.get(0),
                        held.get(1),
                        on.array); // (1, D)
        note(held, on, place, where);
        return f;
    }

    // Other passes write positions on the CPU alone; on the CPU their array is the device's.
    private Seen seen(int layer, List<NDArray> held, int known) {
        NDArray recorded = held.get(2); // (1, C)
        if (!cache.manager().getDevice().isGpu()) {
            return new Seen(recorded, known);
        }
        Seen now = seen.get(layer);
        if (now == null || now.known != known || !now.array.getShape().equals(recorded.getShape())) {
            if (now != null) {
                now.array.close();
            }
            NDArray copy = recorded.toDevice(cache.manager().getDevice(), true);
            copy.attach(cache.manager());
            now = new Seen(copy, known);
            seen.put(layer, now);
        }
        return now;
    }

    private void note(List<NDArray> held, Seen on, int place, int where) {
        on.known = place + 1;
        try (NDArray at = Torch.onCpu(cache.manager(), new long[] {place});
                NDArray which = Torch.onCpu(cache.manager(), new long[] {where})) {
            decoder.program()
                    .call("fixed_note", held.get(3), held.get(2), at, which)
                    .close();
        }
    }

    // All layers of a token ask for the same one.
    private void setPosition(int where) {
        if (positionSet != where) {
            set(position, where);
            positionSet = where;
        }
    }

    private NDArray set(NDArray held, long number) {
        try (NDArray fresh = cache.manager().create(new long[] {number})) {
            decoder.program().call("fixed_set", held, fresh).close();
        }
        return held;
    }

    // As many whole buckets as hold the place, or all the room there is.
    private NDArray columns(int place, int room) {
        int count = Math.min(room, BUCKET * (place / BUCKET + 1));
        return columns.computeIfAbsent(
                count, n -> cache.manager().create(LongStream.range(0, n).toArray()));
    }

    private NDArray window(int layer) {
        int width = decoder.config().windows().get(layer);
        return windows.computeIfAbsent(width, w -> cache.manager().create(new long[] {w == 0 ? Integer.MAX_VALUE : w}));
    }
}
