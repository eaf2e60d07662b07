package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.JsonFields;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.Families;
import org.skipgpt.shape.Family;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightLoader;

/** A family of a program's own, without a change to the library. */
class OwnFamilyEngineTest {
    private static class Windowed implements Family {
        private final String name;

        Windowed(String name) {
            this.name = name;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public String architecture() {
            return "WindowedForCausalLM";
        }

        @Override
        public String defaults() {
            return """
                    {"max_position_embeddings": 2048, "num_key_value_heads": null, "sliding_window": null}""";
        }

        /** Every other layer sees a few positions. */
        @Override
        public List<Integer> windows(JsonFields json, int layers) {
            return Collections.nCopies(layers, 4);
        }
    }

    private static final class Other extends Windowed {
        Other(String name) {
            super(name);
        }
    }

    @Test
    void aFolderOfItIsReadAndComputesWhatTheFamilySays(@TempDir Path folder) throws IOException {
        try (Stream<Path> files = Files.list(Golden.root().resolve("families/llama2"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Path config = folder.resolve("config.json");
        JsonObject json = JsonParser.parseString(Files.readString(config)).getAsJsonObject();
        json.addProperty("model_type", "windowed");
        Files.writeString(config, json.toString());
        assertThatThrownBy(() -> read(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("model_type");

        Families.add(new Windowed("windowed"));
        Families.add(new Windowed("windowed"));

        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2");
                HuggingFaceFolder opened = HuggingFaceFolder.open(folder)) {
            DecoderConfig shape = ConfigJson.read(opened.config());
            LanguageModel own = LanguageModel.dense(
                    "windowed",
                    "",
                    Golden.numbers(shape.vocabulary()),
                    shape,
                    WeightLoader.load(shape, opened.tensors(), manager, Dtype.FP32));
            int[] ids = golden.ids(0);
            float[][] windowed = own.logits(ids)[0];
            float[][] whole = golden.model(manager).logits(ids)[0];

            assertThat(shape.windows()).containsOnly(4);
            // What lies within the window is LLaMA's; behind it, it is not.
            assertThat(FamilyGoldenTest.maxDifference(windowed[3], whole[3])).isLessThan(1e-4);
            assertThat(FamilyGoldenTest.maxDifference(windowed[ids.length - 1], whole[ids.length - 1]))
                    .isGreaterThan(1e-2);
        }
    }

    @Test
    void aNameThatIsTakenIsRefused() {
        Families.add(new Windowed("taken"));

        assertThatThrownBy(() -> Families.add(new Other("taken"))).hasMessageContaining("taken is read by");
        assertThatThrownBy(() -> Families.add(new Windowed("llama"))).hasMessageContaining("llama is read by");
    }

    private static DecoderConfig read(Path folder) {
        try (HuggingFaceFolder opened = HuggingFaceFolder.open(folder)) {
            return ConfigJson.read(opened.config());
        }
    }
}
