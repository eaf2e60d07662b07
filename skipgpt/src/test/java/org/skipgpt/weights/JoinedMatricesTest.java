package org.skipgpt.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.Golden;
import org.skipgpt.shape.ConfigJson;

/** Matrices that a folder holds as one are read as what they are made of. */
class JoinedMatricesTest {
    private static final Path PHI3 = Golden.root().resolve("families").resolve("phi3");
    private static final String ATTENTION = "model.layers.1.self_attn.";

    @Test
    void queriesKeysAndValuesAreRowsOfOneTensor() {
        try (HuggingFaceFolder folder = HuggingFaceFolder.open(PHI3)) {
            TensorSource apart = new JoinedMatrices(ConfigJson.read(folder.config())).apart(folder.tensors());
            float[] whole = folder.tensors().floats(ATTENTION + "qkv_proj.weight");

            assertThat(apart.names())
                    .contains(ATTENTION + "q_proj.weight", "model.layers.2.mlp.up_proj.weight", "lm_head.weight")
                    .doesNotContain(ATTENTION + "qkv_proj.weight");
            assertThat(apart.floats(ATTENTION + "q_proj.weight")).isEqualTo(Arrays.copyOf(whole, 32 * 32));
            assertThat(apart.floats(ATTENTION + "k_proj.weight"))
                    .isEqualTo(Arrays.copyOfRange(whole, 32 * 32, 48 * 32));
            assertThat(apart.floats(ATTENTION + "v_proj.weight"))
                    .isEqualTo(Arrays.copyOfRange(whole, 48 * 32, 64 * 32));
        }
    }

    @Test
    void aTensorOfAnotherShapeOrNoneIsToldByItsStoredName() {
        try (HuggingFaceFolder folder = HuggingFaceFolder.open(PHI3)) {
            JsonObject json = folder.config();
            TensorSource apart = new JoinedMatrices(ConfigJson.read(json)).apart(folder.tensors());
            assertThatThrownBy(() -> apart.info("model.layers.7.self_attn.k_proj.weight"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("model.layers.7.self_attn.qkv_proj.weight");

            json.addProperty("intermediate_size", 49);
            JoinedMatrices wider = new JoinedMatrices(ConfigJson.read(json));
            assertThatThrownBy(() -> wider.apart(folder.tensors()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("gate_up_proj.weight")
                    .hasMessageContaining("[98, 32]");
        }
    }
}
