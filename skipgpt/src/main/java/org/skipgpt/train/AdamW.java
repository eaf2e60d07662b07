package org.skipgpt.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/**
 * AdamW with decoupled decay and clipping by the global gradient norm (Loshchilov and Hutter, 2019).
 *
 * <p>{@code m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; p = p (1 - lr*decay) - lr * (m/c1) / (sqrt(v/c2) + eps)}.
 * One-dimensional parameters (norms, biases) are not decayed.
 */
final class AdamW implements AutoCloseable {
    private final NDManager owner;
    private final TorchProgram program;
    private final LoopConfig config;
    private final ToDoubleFunction<String> rateFactor;
    private final Map<String, NDArray> parameters;
    private final Map<String, NDArray> moments = new LinkedHashMap<>();

    AdamW(NDManager parent, Map<String, NDArray> parameters, ToDoubleFunction<String> rateFactor, LoopConfig config) {
        this.owner = parent.newSubManager();
        this.program = TorchProgram.compile(
                owner, TorchSource.of(AdamW.class, "optimizer.torchscript").code());
        this.config = config;
        this.rateFactor = rateFactor;
        this.parameters = parameters;
        parameters.forEach((name, p) -> {
            NDManager there = Places.at(owner, p.getManager());
            moments.put("m." + name, there.zeros(p.getShape()));
            moments.put("v." + name, there.zeros(p.getShape()));
        });
    }

    /** First and second moments by name, for checkpoints. */
    Map<String, NDArray> moments() {
        return moments;
    }

    /**
     * Changes the parameters by their gradients and clears these.
     *
     * @param step 0 first
     * @return the global gradient norm before clipping
     */
    double step(long step, double rate) {
        try (NDManager scope = owner.newSubManager()) {
            Map<String, NDArray> gradients = new LinkedHashMap<>();
            parameters.forEach((name, parameter) -> {
                NDArray g = Gradients.of(parameter);
                g.attach(Places.at(scope, parameter.getManager()));
                gradients.put(name, g);
            });
            return step(step, rate, gradients);
        }
    }

    /** The same by gradients that were collected elsewhere, one of each parameter, in their order; they are used up. */
    double step(long step, double rate, Map<String, NDArray> gradients) {
        try (NDManager scope = owner.newSubManager()) {
            NDArray squares = scope.zeros(new Shape(), DataType.FLOAT64);
            for (NDArray g : gradients.values()) {
                // One sum in one order, wherever gradients are: it goes along.
                squares = Places.moved(squares, Places.at(scope, g.getManager()));
                program.call("add_square", g, squares);
            }
            // The sum stays on the device until here, so that a step waits for it once and not once a parameter.
            double norm = Math.sqrt(squares.getDouble());
            if (!Double.isFinite(norm)) {
                parameters.values().forEach(Gradients::clear);
                return norm;
            }
            double factor = config.clip() > 0 && norm > config.clip() ? config.clip() / norm : 1;
            Map<String, NDArray> numbers = new HashMap<>(); // of the step, one at each place
            gradients.forEach((name, g) -> {
                NDManager there = parameter(name).getManager();
                NDArray number = numbers.computeIfAbsent(
                        Places.of(there), place -> Places.at(scope, there).create(step + 1f));
                apply(scope, name, g, number, rate, factor);
            });
            return norm;
        }
    }

    private void apply(NDManager scope, String name, NDArray g, NDArray number, double rate, double factor) {
        NDArray p = parameter(name);
        double decay = p.getShape().dimension() > 1 ? config.decay() : 0;
        double[] rates = {
            rate * rateFactor.applyAsDouble(name), config.beta1(), config.beta2(), config.epsilon(), decay, factor
        };
        program.call("adamw", g, p, moment("m." + name), moment("v." + name), number, Torch.onCpu(scope, rates));
    }

    private NDArray parameter(String name) {
        NDArray array = parameters.get(name);
        if (array == null) {
            throw new IllegalStateException("no parameter " + name);
        }
        return array;
    }

    private NDArray moment(String name) {
        NDArray array = moments.get(name);
        if (array == null) {
            throw new IllegalStateException("no moment " + name);
        }
        return array;
    }

    @Override
    public void close() {
        owner.close();
    }
}
