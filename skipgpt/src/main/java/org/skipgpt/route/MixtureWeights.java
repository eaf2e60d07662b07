package org.skipgpt.route;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorHash;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.shape.DecoderConfig;

/**
 * What Mixture-of-Depths learns: a router and a predictor a module, in forward order.
 *
 * @param router (M, D): the score by which tokens compete, and whose sigmoid weighs what the module adds
 * @param predictor (M, D): whether a token will be among the chosen, from the token alone
 * @param bias (M) of the predictor
 */
public record MixtureWeights(NDArray router, NDArray predictor, NDArray bias) {
    /** Fresh ones: routers Kaiming uniform with gain 1, predictors 0, which choose no token yet. */
    public static MixtureWeights init(NDManager owner, DecoderConfig model, long seed) {
        if (model.hasShortcuts()) {
            throw new IllegalArgumentException("Mixture-of-Depths has one matrix of routers for streams of one width,"
                    + " but this model's stream changes on its way: use routers, which have a matrix each");
        }
        SplittableRandom random = new SplittableRandom(seed);
        double bound = Math.sqrt(3.0 / model.width());
        float[] drawn = new float[model.modules() * model.width()];
        for (int i = 0; i < drawn.length; i++) {
            drawn[i] = (float) ((2 * random.nextDouble() - 1) * bound);
        }
        Shape shape = new Shape(model.modules(), model.width());
        return new MixtureWeights(
                owner.create(drawn, shape), owner.zeros(shape), owner.zeros(new Shape(model.modules())));
    }

    /**
     * Reads what {@link #named} names.
     *
     * @throws CheckpointException if a tensor is missing or has another shape than the model needs
     */
    static MixtureWeights load(NDManager owner, DecoderConfig model, TensorSource source) {
        return new MixtureWeights(
                array(owner, source, "router", model.modules(), model.width()),
                array(owner, source, "predictor", model.modules(), model.width()),
                array(owner, source, "predictor_bias", model.modules()));
    }

    private static NDArray array(NDManager owner, TensorSource source, String name, long... shape) {
        TensorInfo info = source.info(name);
        Shape wanted = new Shape(shape);
        if (!new Shape(info.shape()).equals(wanted)) {
            throw new CheckpointException("tensor " + name + " has shape " + new Shape(info.shape())
                    + " but this model needs " + wanted + ": load it onto the model it was tuned for");
        }
        return owner.create(source.floats(name), wanted);
    }

    /** The arrays by the names they are saved under. */
    public Map<String, NDArray> named() {
        Map<String, NDArray> named = new LinkedHashMap<>();
        named.put("router", router);
        named.put("predictor", predictor);
        named.put("predictor_bias", bias);
        return named;
    }

    /** Copies of another owner, which record no gradient. */
    public MixtureWeights copy(NDManager owner) {
        Function<NDArray, NDArray> copied = array -> owner.create(array.toFloatArray(), array.getShape());
        return new MixtureWeights(copied.apply(router), copied.apply(predictor), copied.apply(bias));
    }

    /** Identity of the numbers: sha256, hex. */
    public String hash() {
        TensorHash sum = new TensorHash();
        named().values().forEach(array -> {
            float[] numbers = array.toFloatArray();
            ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(numbers);
            sum.update(bytes);
        });
        return sum.hex();
    }
}
