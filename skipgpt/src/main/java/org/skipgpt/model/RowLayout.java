package org.skipgpt.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;

/** Lays sequences one after another as rows: token ids, where each stands, and its rotary angles in every layer. */
final class RowLayout {
    private final DecoderConfig config;
    private final ModuleCalls calls;
    private final TorchProgram program;
    private final Device device;

    /**
     * A layout for the modules of a decoder.
     *
     * @param device where they compute
     */
    RowLayout(ModuleCalls calls, Device device) {
        this.config = calls.config();
        this.calls = calls;
        this.program = calls.programs().base();
        this.device = device;
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
        Angles angles = angles(positions);
        NDArray offsets = Rows.offsets(scope, Rows.wide(starts), parents);
        return new Rows(tokens, starts, at, parents, ids, offsets, positions, angles);
    }

    /** Rotary angles of positions (n) on the CPU, for all layers. */
    private Angles angles(NDArray positions) {
        NDArray onDevice = onDevice(positions);
        List<NDArray> cos = new ArrayList<>();
        List<NDArray> sin = new ArrayList<>();
        for (NDArray frequencies : calls.frequencies()) {
            NDList both = program.callAll("angles", onDevice, frequencies);
            cos.add(both.get(0));
            sin.add(both.get(1));
        }
        return new Angles(cos, sin, calls.rotationOfLayer());
    }

    /** Those of one layer: two (n, 1, E) on the model's device. */
    NDList angles(int layer, NDArray positions) {
        int rotation = calls.rotationOfLayer().get(layer);
        return program.callAll(
                "angles", onDevice(positions), calls.frequencies().get(rotation));
    }

    private NDArray onDevice(NDArray positions) {
        return device.isGpu() ? positions.toDevice(device, true) : positions;
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
