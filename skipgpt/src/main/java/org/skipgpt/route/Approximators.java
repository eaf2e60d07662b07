package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorHash;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.Decision;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * Small linear maps that stand in for modules in rows that skip them: {@code x + B A [n(x), 1]}, n(x) the row brought to a mean
 * square of 1.
 *
 * <p>A module without one is skipped plainly. Execute or approximate is the choice of Informed Routing (2025), whose approximators
 * are learned beside the routers. Deviation: these are fitted in closed form ({@link ApproximatorFit}).
 */
public final class Approximators {
    /** A (r, D + 1) and B (D, r). */
    record Pair(NDArray down, NDArray up) {}

    private final TorchProgram program;
    private final int rank;
    private final Map<Integer, Pair> pairs = new TreeMap<>();

    private Approximators(TorchProgram program, int rank) {
        this.program = program;
        this.rank = rank;
    }

    /** None yet; the owner frees the compiled arithmetic. */
    static Approximators none(NDManager owner, int rank) {
        String code =
                TorchSource.of(Approximators.class, "approximators.torchscript").code();
        return new Approximators(TorchProgram.compile(owner, code), rank);
    }

    /**
     * Reads what {@link #named} names.
     *
     * @throws CheckpointException if a tensor has another shape than the model and the rank need, or names no module
     */
    static Approximators load(NDManager owner, DecoderConfig model, int rank, TensorSource source) {
        Approximators read = none(owner, rank);
        Places places = Places.under(owner);
        int known = 0;
        for (ModuleSite site : model.sites()) {
            if (source.names().contains(name(site, "down"))) {
                int width = model.width();
                NDManager there = places.owner(site.layer());
                NDArray down = array(there, source, name(site, "down"), rank, width + 1);
                NDArray up = array(there, source, name(site, "up"), width, rank);
                read.pairs.put(site.index(), new Pair(down, up));
                known += 2;
            }
        }
        if (known != source.names().size()) {
            throw new CheckpointException("approximators of modules that this model does not have: the folder holds "
                    + source.names() + "; load it onto the model they were fitted on");
        }
        return read;
    }

    private static NDArray array(NDManager owner, TensorSource source, String name, long... shape) {
        TensorInfo info = source.info(name);
        if (!Arrays.equals(info.shape(), shape)) {
            throw new CheckpointException("tensor " + name + " has shape " + Arrays.toString(info.shape())
                    + " but this model and rank need " + Arrays.toString(shape)
                    + ": load it onto the model it was fitted on");
        }
        return owner.create(source.floats(name), new Shape(shape));
    }

    private static String name(ModuleSite site, String part) {
        return "layers." + site.layer() + "." + site.module() + "." + part;
    }

    /** The arrays by the names they are saved under. */
    Map<String, NDArray> named() {
        Map<String, NDArray> named = new LinkedHashMap<>();
        pairs.forEach((index, pair) -> {
            named.put(name(ModuleSite.of(index), "down"), pair.down());
            named.put(name(ModuleSite.of(index), "up"), pair.up());
        });
        return named;
    }

    /** Identity of the numbers: sha256, hex. */
    String hash() {
        TensorHash sum = new TensorHash();
        named().forEach((name, array) -> {
            float[] numbers = array.toFloatArray();
            ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(numbers);
            sum.update(bytes);
        });
        return sum.hex();
    }

    /** r, the inner width of each. */
    public int rank() {
        return rank;
    }

    /** How many modules have one. */
    public int modules() {
        return pairs.size();
    }

    /** Numbers of a module's; 0 without one. */
    public long parameters(ModuleSite site) {
        Pair pair = pairs.get(site.index());
        return pair == null
                ? 0
                : pair.down().getShape().size() + pair.up().getShape().size();
    }

    /** What rows that skip leave with, (N, D); the rest as it is. */
    NDArray passing(ModuleSite site, NDArray in, NDArray out, Decision decision) {
        Pair pair = pairs.get(site.index());
        if (pair == null || decision.isAll()) {
            return out;
        }
        if (decision.isNone()) {
            return program.call("every", in, out, pair.down(), pair.up()); // (N, D)
        }
        if (Torch.recordsGradients() && decision.gate().hasGradient()) {
            return program.call("gated", in, out, decision.gate(), pair.down(), pair.up()); // (N, D)
        }
        int n = (int) in.getShape().get(0);
        long[] skipping = skipping(decision, n);
        if (skipping.length == 0) {
            return out;
        }
        return skipping.length == n
                ? program.call("every", in, out, pair.down(), pair.up())
                : program.call("some", in, out, in.getManager().create(skipping), pair.down(), pair.up()); // (N, D)
    }

    /** The rows that skip, ascending. */
    static long[] skipping(Decision decision, int n) {
        long[] skipping = new long[n];
        int[] executing = decision.executing(n);
        int next = 0;
        int count = 0;
        for (int row = 0; row < n; row++) {
            if (next < executing.length && executing[next] == row) {
                next++;
            } else {
                skipping[count++] = row;
            }
        }
        return Arrays.copyOf(skipping, count);
    }

    /** Sums over rows that skip: U'U (D + 1, D + 1) and U'F (D + 1, D), in fp64. */
    NDList moments(NDArray x, NDArray added) {
        return program.callAll("moments", x, added);
    }

    /**
     * Fits a module's pair.
     *
     * @param owner owns the pair
     * @param ridge penalty on the squared weights, in rows
     */
    void fit(NDManager owner, ModuleSite site, NDArray read, NDArray along, double ridge) {
        NDManager scope = read.getManager();
        NDList fitted = program.callAll("fit", read, along, scope.create((float) ridge), scope.create((long) rank));
        fitted.attach(Places.under(owner).owner(site.layer()));
        pairs.put(site.index(), new Pair(fitted.get(0), fitted.get(1)));
    }
}
