package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;

class ModuleWeightsEngineTest {
    // As in decoder.torchscript, where only some machines take them.
    private static final String METHODS = """
            def reorder(self, w: Tensor) -> Tensor:
                return ops.mkldnn._reorder_linear_weight(w, 512)

            def restore(self, w: Tensor) -> Tensor:
                return torch.to_dense(w)

            def linear(self, x: Tensor, w: Tensor) -> Tensor:
                return ops.mkldnn._linear_pointwise(x, w, None, "none", [], "")
            """;

    @Test
    void reorderedMatricesMultiplyAlikeAndComeBackBitForBit() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            TorchProgram program = TorchProgram.compile(manager, METHODS);
            NDArray norm = manager.ones(new Shape(40));
            NDArray matrix = manager.randomNormal(new Shape(56, 40));
            float[] before = matrix.toFloatArray();
            NDArray x = manager.randomNormal(new Shape(3, 40));
            float[] product = program.call("linear", x, matrix).toFloatArray();
            ModuleWeights weights = new ModuleWeights(List.of(norm, matrix));

            NDArray reordered = weights.reordered(program).get(1);

            assertThat(program.call("linear", x, reordered).toFloatArray())
                    .usingComparatorWithPrecision(1e-5f)
                    .containsExactly(product);
            assertThat(matrix.isReleased()).isTrue();
            assertThat(weights.plain().get(0)).isSameAs(norm);
            assertThat(weights.plain().get(1).toFloatArray()).containsExactly(before);
            assertThat(weights.reordered(program).get(1)).isSameAs(reordered);
        }
    }

    @Test
    void arraysThatSomebodyWasGivenStay() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            TorchProgram program = TorchProgram.compile(manager, METHODS);
            ModuleWeights weights = new ModuleWeights(List.of(manager.randomNormal(new Shape(8, 8))));
            NDArray given = weights.plain().get(0);

            NDArray reordered = weights.reordered(program).get(0);
            assertThat(given.isReleased()).isFalse();

            weights.changing();
            assertThat(weights.reordered(program)).containsExactly(given);
            assertThat(reordered.isReleased()).isTrue();
        }
    }

    @Test
    void inferenceSeesWeightsThatChangeAfterwards() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
            DecoderWeights weights = WeightLoader.random(config, manager, Dtype.FP32, 1);
            LanguageModel model = LanguageModel.dense("random", "", Golden.numbers(64), config, weights);
            float[] before = model.logits(new int[] {1, 2, 3})[0][2];

            weights.changing();
            weights.layers().forEach(layer -> layer.mlp().get(2).muli(0));

            assertThat(model.logits(new int[] {1, 2, 3})[0][2]).isNotEqualTo(before);
        }
    }

    @ParameterizedTest
    @CsvSource({"FP32, 1e-5", "BF16, 1e-2"})
    void plainMatricesSayTheSame(Dtype dtype, float tolerance) {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig config = DecoderConfig.llama(64, 32, 48, 2, 4, 2);
            DecoderWeights weights = WeightLoader.random(config, manager, dtype, 1);
            LanguageModel model = LanguageModel.dense("random", "", Golden.numbers(64), config, weights);
            float[][] reordered = model.logits(new int[] {1, 2, 3, 4, 5})[0];

            weights.changing();
            float[][] plain = model.logits(new int[] {1, 2, 3, 4, 5})[0];

            for (int t = 0; t < plain.length; t++) {
                assertThat(reordered[t]).usingComparatorWithPrecision(tolerance).containsExactly(plain[t]);
            }
        }
    }
}
