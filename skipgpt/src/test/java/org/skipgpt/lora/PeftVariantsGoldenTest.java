package org.skipgpt.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.torch.Torch;

/** The less usual forms of PEFT's LoRA are read as PEFT does, or refused by name. */
class PeftVariantsGoldenTest {
    /** fp32 in another order of summation. */
    private static final double TOLERANCE = 1e-4;

    private static final Path PEFT = Golden.root().resolve("peft");

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rslora",
                "ranks",
                "ranks-rslora",
                "layers",
                "one-layer",
                "regex",
                "dotted",
                "excluded",
                "all-linear",
                "saved",
                "dora",
                "dora-layers",
                "gaussian"
            })
    void computesWhatPeftDoes(String variant) {
        Path folder = PEFT.resolve("variants").resolve(variant);
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                SafeTensors expected = SafeTensors.open(folder.resolve("expected.safetensors"))) {
            LanguageModel model = PeftFolder.apply(folder, golden.model(manager), manager);

            assertThat(PeftGoldenTest.worst(model.logits(golden.ids(1))[0], Golden.floats(expected, "logits.1")))
                    .isLessThan(TOLERANCE);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ranks", "layers", "regex", "dotted"})
    void whatIsWrittenAgainComputesTheSame(String variant, @TempDir Path again) {
        Path folder = PEFT.resolve("variants").resolve(variant);
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Adapter adapter = PeftFolder.read(folder, model.config(), manager);
            PeftFolder.write(again.resolve("a"), adapter, PeftFolder.config(folder), model.config(), "llama3");

            Adapter read = PeftFolder.read(again.resolve("a"), model.config(), manager);

            float[][] expected = model.withAdapter(adapter).logits(golden.ids(1))[0];
            assertThat(PeftGoldenTest.worst(
                            model.withAdapter(read).logits(golden.ids(1))[0], PeftGoldenTest.flat(expected)))
                    .isLessThan(TOLERANCE);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "init_lora_weights       | 'pissa'",
                "init_lora_weights       | 'pissa_niter_16'",
                "init_lora_weights       | 'olora'",
                "init_lora_weights       | 'corda'",
                "init_lora_weights       | 'loftq'",
                "alora_invocation_tokens | [5, 6]",
                "use_dora                | 1",
                "use_dora                | 'yes'",
                "bias                    | 'all'",
                "bias                    | 'lora_only'",
                "use_qalora              | true",
                "layer_replication       | [[0, 4], [2, 4]]",
                "r                       | 16.7",
                "r                       | 0",
                "lora_alpha              | 'high'",
                "lora_dropout            | 1",
                "rank_pattern            | {\"q_proj\": 2.5}",
                "rank_pattern            | {\"(q_proj\": 2}",
                "target_modules          | 'nothing_like_it'",
                "target_modules          | ['c_attn']",
                "target_modules          | ['q_proj', 'lm_head']",
                "target_modules          | ['q_proj', 'embed_tokens']",
                "target_modules          | null",
                "target_parameters       | ['experts.gate']",
                "trainable_token_indices | [3]",
                "lora_bias               | true",
                "fan_in_fan_out          | true",
                "layers_pattern          | 'h'",
                "task_type               | 'SEQ_CLS'",
                "peft_type               | 'IA3'",
                "modules_to_save         | ['score']",
                "use_of_the_unknown      | true",
            })
    void whatIsNotReadIsRefusedByName(String field, String value, @TempDir Path folder) throws IOException {
        JsonObject json = Json.object(PEFT.resolve("adapter").resolve("adapter_config.json"));
        json.add(field, JsonParser.parseString(value));
        Files.writeString(folder.resolve("adapter_config.json"), json.toString());
        Files.copy(
                PEFT.resolve("adapter").resolve("adapter_model.safetensors"),
                folder.resolve("adapter_model.safetensors"));
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);

            assertThatThrownBy(() -> PeftFolder.apply(folder, model, manager))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("adapter_config.json")
                    .hasMessageContaining(field);
        }
    }

    @Test
    void nullAndEmptyListsMeanAbsent(@TempDir Path folder) throws IOException {
        JsonObject json = Json.object(PEFT.resolve("adapter").resolve("adapter_config.json"));
        for (String field : List.of(
                "layers_to_transform",
                "layers_pattern",
                "modules_to_save",
                "layer_replication",
                "alora_invocation_tokens",
                "target_parameters",
                "exclude_modules")) {
            json.add(field, JsonParser.parseString("[]"));
        }
        json.add("use_dora", JsonParser.parseString("null"));
        json.add("bias", JsonParser.parseString("null"));
        Files.writeString(folder.resolve("adapter_config.json"), json.toString());

        assertThat(PeftFolder.config(folder)).isEqualTo(PeftFolder.config(PEFT.resolve("adapter")));
    }

    static List<Path> damaged() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src/test/resources/faults/peft"))) {
            return files.sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("damaged")
    void aDamagedFileIsAnErrorThatNamesFileAndField(Path file, @TempDir Path folder) throws IOException {
        Files.copy(file, folder.resolve("adapter_config.json"));

        assertThatThrownBy(() -> PeftFolder.config(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching("(?s).*adapter_config\\.json.*(; allowed: |is needed|not known here|twice).*");
    }
}
