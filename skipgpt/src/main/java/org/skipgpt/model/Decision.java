package org.skipgpt.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What one module does with the N rows at hand: {@code x = x + g f(x)}.
 *
 * <p>A row whose gate g is 0 skips; every other executes, and g weighs what the module adds: 1 in SkipGPT, the router's
 * weight in Mixture-of-Depths. All ways of execution honour the weight. A gate is decided on the device or on the host,
 * and brought to the other when asked for.
 *
 * <pre>{@code
 * return Decision.gated(residual.getManager(), open).withLogits(logits);
 * }</pre>
 */
public final class Decision {
    private static final Decision ALL = new Decision(Optional.empty(), Optional.empty(), Optional.empty(), true);
    private static final Decision NONE = new Decision(Optional.empty(), Optional.empty(), Optional.empty(), false);

    private final Optional<NDManager> owner;
    private final Optional<NDArray> logits;
    private final boolean open;
    private Optional<NDArray> gate;
    private Optional<float[]> host = Optional.empty();

    private Decision(Optional<NDManager> owner, Optional<NDArray> gate, Optional<NDArray> logits, boolean open) {
        this.owner = owner;
        this.gate = gate;
        this.logits = logits;
        this.open = open;
    }

    /** Every row executes. */
    public static Decision all() {
        return ALL;
    }

    /** Every row skips. */
    public static Decision none() {
        return NONE;
    }

    /**
     * Decided on the device.
     *
     * @param gate (N) fp32, 0 skips, else the weight of what the module adds; carries a gradient while routers learn
     */
    public static Decision gated(NDArray gate) {
        return new Decision(Optional.of(gate.getManager()), Optional.of(gate), Optional.empty(), true);
    }

    /**
     * Decided on the host.
     *
     * @param owner of the gate, should one be needed on the device
     * @param gate N, as above
     */
    public static Decision gated(NDManager owner, float[] gate) {
        Decision made = new Decision(Optional.of(owner), Optional.empty(), Optional.empty(), true);
        made.host = Optional.of(checked(gate.clone()));
        return made;
    }

    /**
     * The same rows, each with a factor on what the module adds to it.
     *
     * @param weight (N) fp32; may carry a gradient
     */
    public Decision withWeight(NDArray weight) {
        if (this == NONE) {
            return this;
        }
        Decision made = this == ALL ? gated(weight) : gated(gate().mul(weight));
        return logits.map(made::withLogits).orElse(made);
    }

    /**
     * The same with the router's logits it was made from, for those who watch.
     *
     * @param made (N, 2), column 1 means execute
     */
    public Decision withLogits(NDArray made) {
        Decision told = new Decision(owner, gate, Optional.of(made), open);
        told.host = host;
        return told;
    }

    /** Whether every row executes with weight 1, and this is known without looking at a gate. */
    public boolean isAll() {
        return owner.isEmpty() && open;
    }

    /** Whether every row skips, and this is known without looking at a gate. */
    public boolean isNone() {
        return owner.isEmpty() && !open;
    }

    /**
     * The gate as an array: (N).
     *
     * @throws IllegalStateException if all or none execute, which needs no gate
     */
    public NDArray gate() {
        if (gate.isEmpty()) {
            float[] values = host.orElseThrow(() -> new IllegalStateException(
                    "a decision that all rows or none execute has no gate; ask isAll() and isNone() first"));
            gate = Optional.of(owner.orElseThrow().create(values));
        }
        return gate.get();
    }

    /** The router's logits, (N, 2), where the policy told them. */
    public Optional<NDArray> logits() {
        return logits;
    }

    /** Probability of executing without noise, N; where the policy told its logits. */
    public Optional<float[]> probability() {
        return logits.map(z -> {
            float[] both = z.toFloatArray();
            float[] p = new float[both.length / 2];
            for (int row = 0; row < p.length; row++) {
                float margin = both[2 * row + 1] - both[2 * row];
                p[row] = (float) (1 / (1 + Math.exp(-margin)));
            }
            return p;
        });
    }

    /** How many of n rows execute; waits for the device where it decided. */
    public int executed(int n) {
        if (owner.isEmpty()) {
            return open ? n : 0;
        }
        int count = 0;
        for (float g : values()) {
            count += g != 0 ? 1 : 0;
        }
        return count;
    }

    /** Which of n rows execute, ascending; waits for the device where it decided. */
    public int[] executing(int n) {
        if (owner.isEmpty()) {
            return IntStream.range(0, open ? n : 0).toArray();
        }
        float[] gates = values();
        int[] rows = new int[gates.length];
        int count = 0;
        for (int i = 0; i < gates.length; i++) {
            if (gates[i] != 0) {
                rows[count++] = i;
            }
        }
        return Arrays.copyOf(rows, count);
    }

    /** Whether some row executes with another weight than 1; waits for the device where it decided. */
    public boolean isWeighted() {
        if (owner.isEmpty()) {
            return false;
        }
        for (float g : values()) {
            if (g != 0 && g != 1) {
                return true;
            }
        }
        return false;
    }

    /** Weight of what the module adds to a row, 0 where it skips; waits for the device where it decided. */
    float weight(int row) {
        if (owner.isEmpty()) {
            return open ? 1 : 0;
        }
        return values()[row];
    }

    private float[] values() {
        if (host.isEmpty()) {
            host = Optional.of(checked(gate().toFloatArray()));
        }
        return host.get();
    }

    private static float[] checked(float[] gate) {
        for (int row = 0; row < gate.length; row++) {
            checked(gate[row], row);
        }
        return gate;
    }

    /** The same weight, if it is a finite number. */
    static float checked(float weight, int row) {
        if (!Float.isFinite(weight)) {
            throw new IllegalArgumentException("the gate of row " + row + " is " + weight
                    + ": expected 0 for a row that skips, else the weight of what the module adds; look at the"
                    + " router's weights and inputs");
        }
        return weight;
    }
}
