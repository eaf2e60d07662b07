package org.skipgpt.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/** Lays sequences one after another as rows: token ids, where each stands, and its rotary angles in every layer. */
final class RowLayout {
    private final DecoderConfig config;
    private final ModuleCalls calls;
    private final boolean one;

    /**
     * A layout for the modules of a decoder.
     *
     * @param places where they compute
     */
    RowLayout(ModuleCalls calls, Places places) {
        this.config = calls.config();
        this.calls = calls;
        this.one = places.isOne();
    }

    /** Pieces that continue others, see {@link Decoder#branches}. */
    Rows branches(NDManager scope, int[][] pieces, int[] parents) {
        int[] firstPositions = new int[pieces.length];
        for (int p = 0; p < pieces.length; p++) {
            if (parents[p] >= p) {
                throw new IllegalArgumentException("piece " + p + " continues piece " + parents[p]
                        + ", which does not come before it; order the pieces from the beginning on");
            }
            firstPositions[p] = parents[p] < 0 ? 0 : firstPositions[parents[p]] + pieces[parents[p]].length;
        }
        return rows(scope, pieces, firstPositions, parents);
    }

    /**
     * Sequences from given positions on.
     *
     * @param parents the sequence that each continues, -1 for none; empty where none does
     */
    Rows rows(NDManager scope, int[][] sequences, int[] firstPositions, int[] parents) {
        int[] starts = new int[sequences.length + 1];
        for (int s = 0; s < sequences.length; s++) {
            starts[s + 1] = starts[s] + sequences[s].length;
        }
        int n = starts[sequences.length];
        int[] tokens = new int[n];
        int[] at = new int[n];
        for (int s = 0; s < sequences.length; s++) {
            for (int t = 0; t < sequences[s].length; t++) {
                tokens[starts[s] + t] = checked(sequences[s][t]);
                at[starts[s] + t] = firstPositions[s] + t;
            }
        }
        NDArray ids = scope.create(Rows.wide(tokens));
        NDArray positions = Torch.onCpu(scope, Rows.wide(at));
        Places places = one ? Places.one(scope) : Places.under(scope);
        Angles angles = one ? angles(positions) : angles(places, at);
        NDArray offsets = Rows.offsets(scope, Rows.wide(starts), parents);
        return new Rows(tokens, starts, at, parents, ids, offsets, positions, angles, places);
    }

    /** Rotary angles of positions (n) on the CPU, for all layers of one place. */
    private Angles angles(NDArray positions) {
        NDArray there = onDevice(0, positions);
        List<NDArray> cos = new ArrayList<>();
        List<NDArray> sin = new ArrayList<>();
        for (NDArray frequencies : calls.frequencies(0)) {
            NDList both = calls.programs().base().callAll("angles", there, frequencies);
            cos.add(both.get(0));
            sin.add(both.get(1));
        }
        return new Angles(cos, sin, calls.rotationOfLayer());
    }

    /** Those for all layers of several places. */
    private Angles angles(Places places, int[] at) {
        List<NDArray> positions =
                places.each(config.layers(), owner -> owner.create(Rows.wide(at))); // (n) at each layer's place
        Map<List<Object>, Integer> known = new HashMap<>();
        List<NDArray> cos = new ArrayList<>();
        List<NDArray> sin = new ArrayList<>();
        List<Integer> ofLayer = new ArrayList<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            List<Object> kind = List.of(calls.rotationOfLayer().get(layer), places.owner(layer));
            if (!known.containsKey(kind)) {
                known.put(kind, cos.size());
                NDList both = computed(layer, positions.get(layer));
                cos.add(both.get(0));
                sin.add(both.get(1));
            }
            ofLayer.add(known.get(kind));
        }
        return new Angles(cos, sin, ofLayer);
    }

    /** Those of one layer, of positions (n) on the CPU: two (n, 1, E) at their owner's place. */
    NDList angles(int layer, NDArray positions) {
        return computed(layer, onDevice(layer, positions));
    }

    private NDArray onDevice(int layer, NDArray positions) {
        Device device = calls.device(layer);
        return device.isGpu() ? positions.toDevice(device, true) : positions;
    }

    private NDList computed(int layer, NDArray positions) {
        int rotation = calls.rotationOfLayer().get(layer);
        return calls.programs()
                .bases()
                .get(layer)
                .callAll("angles", positions, calls.frequencies(layer).get(rotation));
    }

    /** The same token id, if the vocabulary has it. */
    int checked(int token) {
        if (token < 0 || token >= config.vocabulary()) {
            throw new IllegalArgumentException("token id " + token + " is outside the vocabulary 0.."
                    + (config.vocabulary() - 1) + "; use the tokenizer that belongs to the model");
        }
        return token;
    }
}
