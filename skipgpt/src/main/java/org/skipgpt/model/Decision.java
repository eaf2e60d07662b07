package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.Optional;

/** What one module does with the rows at hand. */
public sealed interface Decision {
    /** Every row executes. */
    static Decision all() {
        return new All();
    }

    /** Every row skips. */
    static Decision none() {
        return new None();
    }

    /** Every row executes. */
    record All() implements Decision {}

    /** Every row skips. */
    record None() implements Decision {}

    /** Each row executes or skips; decided on the device or on the host, and brought to the other when asked for. */
    final class Gated implements Decision {
        private final NDManager owner;
        private Optional<NDArray> gate = Optional.empty();
        private Optional<float[]> open = Optional.empty();

        /**
         * Decided on the device.
         *
         * @param gate (N), 1 executes, 0 skips; fp32; carries the straight-through gradient while routers learn
         */
        public Gated(NDArray gate) {
            this.owner = gate.getManager();
            this.gate = Optional.of(gate);
        }

        /**
         * Decided on the host.
         *
         * @param owner of the gate, should one be needed
         * @param open N, 1 executes, 0 skips
         */
        public Gated(NDManager owner, float[] open) {
            this.owner = owner;
            this.open = Optional.of(open.clone());
        }

        /** The gate as an array: (N). */
        public NDArray gate() {
            if (gate.isEmpty()) {
                gate = Optional.of(owner.create(open.orElseThrow()));
            }
            return gate.get();
        }

        /** Which rows execute, ascending; waits for the device where it decided. */
        public int[] executing() {
            if (open.isEmpty()) {
                open = Optional.of(gate().toFloatArray());
            }
            float[] gates = open.get();
            int[] rows = new int[gates.length];
            int n = 0;
            for (int i = 0; i < gates.length; i++) {
                if (gates[i] != 0) {
                    rows[n++] = i;
                }
            }
            return Arrays.copyOf(rows, n);
        }
    }
}
