package org.skipgpt.train;

import org.skipgpt.lora.LoraConfig;
import org.skipgpt.shape.Projection;

/**
 * How pruned models are healed: settings of the papers that prune them.
 *
 * <p>Deviation: their own rates fall along a line after a warm-up of so many steps; here along a cosine after a share of them.
 */
public enum Recovery {
    /** What works on a small model within minutes. */
    PRACTICAL,
    /** SkipGPT's protocol for every rival: rank 16, alpha 32, dropout 0.1 on q, v, gate; 10,000 steps of 16 documents, 2e-4. */
    PAPER,
    /**
     * LLM-Pruner's and Shortened LLaMA's code: rank 8, alpha 16, dropout 0.05 on all seven matrices, 1e-4, two epochs of
     * alpaca-cleaned in batches of 64 rows of 256 tokens, which are 1,617 steps.
     */
    LLM_PRUNER,
    /** SliceGPT's code: rank 8, alpha 32, dropout 0.1, 2e-4, AdamW 0.9/0.95. */
    SLICE_GPT;

    /** The settings; text, steps and seed can be changed as ever. */
    public TuningOptions options() {
        return switch (this) {
            case PRACTICAL -> TuningOptions.practical();
            case PAPER -> TuningOptions.paper();
            case LLM_PRUNER ->
                TuningOptions.paper()
                        .withLora(new LoraConfig(
                                        8, 16, 0.05, LoraConfig.defaults().targets())
                                .withTargets(Projection.values()))
                        .withLoraRate(LearningRate.cosine(1e-4, 0.06))
                        .withLoop(TuningOptions.paper().loop().withSteps(1617).withAccumulation(16))
                        .withBatch(4, 256);
            case SLICE_GPT ->
                TuningOptions.paper()
                        .withLora(
                                new LoraConfig(8, 32, 0.1, LoraConfig.defaults().targets())
                                        .withTargets(Projection.values()))
                        .withLoraRate(LearningRate.cosine(2e-4, 0.1));
        };
    }
}
