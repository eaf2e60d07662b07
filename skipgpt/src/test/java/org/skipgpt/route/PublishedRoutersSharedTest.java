package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.skipgpt.io.TorchFile;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** The authors' published routers for Llama-3.1-8B, where the shared data lies beside the checkout. */
class PublishedRoutersSharedTest {
    @Test
    void theirIndexZeroIsOurExecute() {
        Path shared = Path.of(Optional.ofNullable(System.getenv("SKIPGPT_SHARED"))
                .orElse(System.getProperty("skipgpt.root", "..") + "/../shared"));
        Path path = shared.resolve("data/skipgpt-routers/llama3.1-8b-stage1-router.pth");
        Assumptions.assumeTrue(Files.exists(path), "no shared data: " + path);
        DecoderConfig llama = DecoderConfig.llama(128256, 4096, 14336, 32, 32, 8);
        try (NDManager manager = Torch.manager(Device.cpu());
                TorchFile file = TorchFile.open(path)) {
            Routers routers = Routers.published(manager, llama, file);
            Gate gate = Gate.compile(manager);
            float[] u = new float[4096];
            Random random = new Random(3);
            for (int i = 0; i < u.length; i++) {
                u[i] = (float) random.nextGaussian();
            }

            for (int layer : new int[] {0, 7, 31}) {
                float[] logits = gate.logits(
                                routers.of(new ModuleSite(layer, ModuleKind.MLP)),
                                manager.create(u, new Shape(1, 4096)))
                        .toFloatArray();
                String key = "model.layers." + layer + ".router_mlp.weight_predictor.";
                float[] w = file.floats(key + "weight");
                float[] b = file.floats(key + "bias");

                assertThat((double) logits[1]).isCloseTo(dot(w, 0, u) + b[0], within(1e-4));
                assertThat((double) logits[0]).isCloseTo(dot(w, 4096, u) + b[1], within(1e-4));
            }
        }
    }

    private static double dot(float[] w, int from, float[] u) {
        double sum = 0;
        for (int i = 0; i < u.length; i++) {
            sum += (double) w[from + i] * u[i];
        }
        return sum;
    }
}
