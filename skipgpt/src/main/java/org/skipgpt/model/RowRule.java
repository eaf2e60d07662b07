package org.skipgpt.model;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Processor;
import org.skipgpt.torch.Torch;
import org.skipgpt.vector.Crew;
import org.skipgpt.vector.RowKernels;
import org.skipgpt.vector.Vectors;
import org.skipgpt.weights.DecoderWeights;

/**
 * Where one new token is computed in Java ({@link RowStep}) and where by the engine: by Java on a CPU, in fp32, bf16 or blocks, packed,
 * with one stream width and matrices below 2 GiB, where {@link Vectors} are there and {@link DecodingStep} asks for it or leaves
 * the choice.
 */
final class RowRule {
    private RowRule() {}

    /** The threads that share a row's products; as many as the engine has, and made when first needed. */
    static Crew crew() {
        return Hands.CREW;
    }

    private static final class Hands {
        static final Crew CREW = new Crew(threads());
    }

    private static int threads() {
        return Math.min(Torch.threads(), Runtime.getRuntime().availableProcessors());
    }

    /**
     * What keeps a session's tokens with the engine; empty where nothing does.
     *
     * @param limit most tokens a sequence may hold
     */
    static Optional<String> obstacle(
            DecoderConfig config,
            DecoderWeights weights,
            Execution execution,
            DecodingStep wanted,
            int sequences,
            int limit) {
        if (wanted == DecodingStep.ENGINE) {
            return Optional.of("asked for");
        }
        if (isFixed(wanted, execution, sequences)) {
            return Optional.of("by calls of fixed shapes, asked for");
        }
        DecodingStep process = DecodingStep.ofProcess();
        if (process == DecodingStep.ENGINE && wanted != DecodingStep.JAVA) {
            return Optional.of("asked for by -D" + DecodingStep.PROPERTY + "=engine");
        }
        if (weights.manager().getDevice().isGpu()) {
            return Optional.of("the model is on a GPU");
        }
        if (!weights.places().isOne()) {
            return Optional.of("its layers lie on several devices");
        }
        if (weights.stream().isPresent()) {
            return Optional.of("some of its layers are streamed");
        }
        if (weights.dtype() == Dtype.FP16) {
            return Optional.of("no Java kernel reads fp16 weights; load fp32 or bf16");
        }
        if (execution == Execution.MASKED) {
            return Optional.of("masked execution computes every module");
        }
        if (config.hasShortcuts() || config.shapes().stream().anyMatch(shape -> shape.width() != config.width())) {
            return Optional.of("its layers have streams of their own width");
        }
        if (largestMatrix(config) * weights.dtype().bytes() > Integer.MAX_VALUE) {
            return Optional.of("a matrix of it has 2 GiB or more");
        }
        if (largestCache(config, sequences, limit) * Float.BYTES > Integer.MAX_VALUE) {
            return Optional.of("the keys of a layer may take 2 GiB or more");
        }
        Optional<String> missing = Vectors.missing();
        boolean asked = wanted == DecodingStep.JAVA || process == DecodingStep.JAVA;
        // On a quiet Intel Xeon the engine's step took 0.9 of Java's time in fp32 and 1.6 in bf16; see
        // docs/decoding.md.
        if (missing.isEmpty() && !asked && weights.dtype() == Dtype.FP32) {
            return Optional.of("fp32 weights, for which it was the faster one; -D" + DecodingStep.PROPERTY
                    + "=java or withStep(DecodingStep.JAVA) leaves them to Java");
        }
        return missing;
    }

    /** Whether one new token is computed by calls of fixed shapes. */
    static boolean isFixed(DecodingStep wanted, Execution execution, int sequences) {
        boolean asked = wanted == DecodingStep.FIXED
                || (wanted == DecodingStep.FASTEST && DecodingStep.ofProcess() == DecodingStep.FIXED);
        return asked && sequences == 1 && execution != Execution.MASKED;
    }

    /** Who computes one new token of one sequence, in words. */
    static String told(
            DecoderConfig config,
            DecoderWeights weights,
            LayerPolicy policy,
            Execution execution,
            DecodingStep wanted) {
        Optional<String> obstacle = obstacle(config, weights, execution, wanted, 1, config.maxPositions());
        if (obstacle.isPresent()) {
            return "engine: " + obstacle.get() + (weights.dtype().isBlocks() ? "; every token widens all blocks" : "");
        }
        long second = secondCopyBytes(config, weights);
        long blocks = weights.blockBytes();
        RowKernels kernels = Vectors.kernels().orElseThrow();
        return "Java, vectors of " + kernels.bits() + " bits, up to " + threads() + " threads"
                + (policy.ofOneRow(kernels).isPresent()
                        ? ""
                        : "; \"" + policy.describe() + "\" is asked with arrays, which takes longer")
                + (blocks == 0
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "; reads %.0f MiB of blocks as they are, which passes over several rows widen to fp32, a"
                                        + " module at a time",
                                blocks / (double) (1 << 20)))
                + (second == 0
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "; matrices are held twice once texts are read and continued, %.0f MiB more",
                                second / (double) (1 << 20)));
    }

    /** Bytes that matrices take again where passes over many rows have their own order of them. */
    static long secondCopyBytes(DecoderConfig config, DecoderWeights weights) {
        boolean plain = !weights.dtype().isBlocks();
        if (!plain || !DecoderProgram.reorders(weights.manager(), weights.dtype(), true)) {
            return 0;
        }
        int least = Processor.leastReordered(weights.dtype()).orElseThrow();
        long sum = 0;
        for (int layer = 0; layer < config.layers(); layer++) {
            for (long numbers : matrices(config, layer)) {
                sum += numbers < least ? 0 : numbers;
            }
        }
        return sum * (long) weights.dtype().bytes();
    }

    private static long[] matrices(DecoderConfig c, int layer) {
        LayerShape shape = c.layer(layer);
        long width = shape.width();
        return new long[] {
            width * c.queryWidth(layer),
            2 * width * c.kvWidth(layer),
            width * c.queryWidth(layer),
            2 * width * shape.hidden(),
            width * shape.hidden()
        };
    }

    private static long largestMatrix(DecoderConfig config) {
        long most = (long) config.vocabulary() * config.width();
        for (int layer = 0; layer < config.layers(); layer++) {
            most = Math.max(most, Arrays.stream(matrices(config, layer)).max().orElse(0));
        }
        return most;
    }

    private static long largestCache(DecoderConfig config, int sequences, int limit) {
        long most = 0;
        for (int layer = 0; layer < config.layers(); layer++) {
            most = Math.max(most, (long) sequences * limit * config.kvWidth(layer));
        }
        return most;
    }
}
