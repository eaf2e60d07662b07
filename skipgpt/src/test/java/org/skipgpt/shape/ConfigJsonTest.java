package org.skipgpt.shape;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.model.Golden;

/** Every field of a config.json is read, known to be harmless, or refused by name. */
class ConfigJsonTest {
    private static JsonObject family(String name) {
        return Json.object(Golden.root().resolve("families").resolve(name).resolve("config.json"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "llama3 | num_hidden_layers       | 1.9",
                "llama3 | num_hidden_layers       | 2000000000",
                "llama3 | num_hidden_layers       | 'three'",
                "llama3 | rms_norm_eps            | -1",
                "llama3 | rope_theta              | 0",
                "llama3 | rope_scaling            | {\"rope_type\":\"linear\",\"factor\":0}",
                "llama3 | rope_scaling            | {\"rope_type\":\"yarn\",\"factor\":4}",
                "llama3 | rope_scaling            | {\"rope_type\":\"linear\",\"factor\":2,\"beta_fast\":32}",
                "llama3 | rope_parameters         | {\"rope_type\":\"default\",\"rope_theta\":77}",
                "gemma2 | rope_parameters         | {\"sliding_attention\":{\"rope_theta\":10000.0},\"full_attention\":{\"rope_type\":\"linear\",\"factor\":8}}",
                "llama3 | attention_multiplier    | 0.015625",
                "llama3 | embedding_multiplier    | 12",
                "llama3 | residual_multiplier     | 0.22",
                "llama3 | logits_scaling          | 8",
                "llama3 | auto_map                | {\"AutoModelForCausalLM\":\"modeling_own.Own\"}",
                "llama3 | drop_attn_list          | [1,99]",
                "llama3 | quantization_config     | {\"bits\":4}",
                "llama3 | mlp_bias                | true",
                "llama3 | attention_bias          | true",
                "llama3 | tie_word_embeddings     | []",
                "llama3 | sliding_window          | 64",
                "llama3 | hidden_act              | 'relu'",
                "llama3 | num_key_value_heads     | 3",
                "llama3 | head_dim                | 7",
                "llama3 | num_experts             | 8",
                "gemma2 | hidden_activation       | 'gelu'",
                "gemma2 | attn_logit_softcapping  | 0",
                "gemma2 | use_bidirectional_attention | true",
                "gemma3 | rope_scaling            | {\"rope_type\":\"yarn\",\"factor\":4}",
                "gemma3 | rope_local_base_freq    | 0",
                "gemma3 | rope_parameters         | {\"full_attention\":{\"rope_theta\":77.0}}",
                "gemma3 | rope_parameters         | {\"sliding_attention\":{\"rope_theta\":77.0}}",
                "gemma3 | attn_logit_softcapping  | 50.0",
                "gemma3 | sliding_window          | null",
                "gemma3 | sliding_window_pattern  | 0",
                "gemma3 | use_bidirectional_attention | true",
                "gemma3 | attention_bias          | true",
                "llama3 | rope_scaling            | {\"type\":\"longrope\",\"short_factor\":[1,1,1,1],\"long_factor\":[1,1,1,1]}",
                "phi3   | rope_scaling            | {\"type\":\"longrope\",\"short_factor\":[1,1,1],\"long_factor\":[1,1,1]}",
                "phi3   | rope_scaling            | {\"type\":\"longrope\",\"short_factor\":[1,1,1,1],\"long_factor\":[1,1,1]}",
                "phi3   | rope_scaling            | {\"type\":\"longrope\",\"short_factor\":[1,1,1,1],\"long_factor\":[1,1,1,0]}",
                "phi3   | rope_scaling            | {\"type\":\"longrope\",\"short_factor\":[],\"long_factor\":[]}",
                "phi3   | rope_scaling            | {\"type\":\"linear\",\"factor\":2}",
                "phi3   | rope_scaling            | {\"type\":\"yarn\",\"factor\":2}",
                "phi3   | rope_parameters         | {\"rope_type\":\"default\"}",
                "phi3   | original_max_position_embeddings | 1",
                "phi3   | partial_rotary_factor   | 0.75",
                "phi3   | layer_types             | ['full_attention','full_attention','full_attention']",
                "phi3   | auto_map                | {\"AutoModelForCausalLM\":\"modeling_phi3.Own\"}",
                "olmo2  | attention_bias          | true",
                "olmo2  | clip_qkv                | 8.0",
                "olmo2  | sliding_window          | 8",
                "smollm3| no_rope_layers          | [1,0]",
                "smollm3| no_rope_layers          | [1,0,2]",
                "smollm3| no_rope_layer_interval  | 0",
                "smollm3| layer_types             | ['full_attention','full_attention','sliding_attention']",
                "smollm3| attention_bias          | true",
                "smollm3| mlp_bias                | true",
                "qwen2  | layer_types             | ['full_attention']",
                "qwen2  | layer_types             | ['full_attention','full_attention','sliding_attention']",
                "qwen3  | layer_types             | ['full_attention','full_attention','sliding_attention']",
                "llama3 | layer_types             | ['full_attention','full_attention','sliding_attention']",
                "qwen2  | layer_types             | ['full_attention','full_attention','chunked_attention']",
                "mistral| model_type              | 'mamba'",
                "mistral| anything_else           | 1",
            })
    void aValueThatIsNotUnderstoodIsRefusedByName(String family, String field, String value) {
        JsonObject json = family(family);
        json.add(field, JsonParser.parseString(value));
        String named = field.startsWith("rope_parameters") ? "rope_" : field;

        assertThatThrownBy(() -> ConfigJson.read(json))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("config.json")
                .hasMessageContaining(named);
    }

    static List<Path> damaged() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("src/test/resources/faults/config"))) {
            return files.sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("damaged")
    void aDamagedFileIsAnErrorThatNamesFileAndField(Path file) {
        assertThatThrownBy(() -> ConfigJson.read(Json.object(file)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching("(?s).*(config\\.json|File ).*(; allowed: |is needed|not known here|twice).*");
    }

    @Test
    void rotationInsideAndOutsideMustAgree() {
        JsonObject json = family("llama3");
        json.add("rope_parameters", JsonParser.parseString("{\"rope_type\":\"default\",\"rope_theta\":500000.0}"));

        assertThat(ConfigJson.read(json)).isEqualTo(ConfigJson.read(family("llama3")));
    }

    @Test
    void oneRotationForEveryKindOfLayerIsRead() {
        JsonObject json = family("gemma2");
        json.add(
                "rope_parameters",
                JsonParser.parseString("{\"sliding_attention\":{\"rope_theta\":10000.0,\"rope_type\":\"default\"},"
                        + "\"full_attention\":{\"rope_theta\":10000.0,\"rope_type\":\"default\"}}"));

        assertThat(ConfigJson.read(json)).isEqualTo(ConfigJson.read(family("gemma2")));
    }

    @Test
    void absentFieldsHaveTheDefaultsOfTransformers() {
        JsonObject json = family("gemma2");
        for (String field :
                List.of("attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "rope_theta")) {
            json.remove(field);
        }

        DecoderConfig config = ConfigJson.read(json);

        assertThat(config.attentionSoftcap()).isEqualTo(50);
        assertThat(config.headSoftcap()).isEqualTo(30);
        assertThat(config.attentionScale()).isEqualTo(1.0 / 16);
        assertThat(config.rotations()).containsOnly(Rotation.of(10000));
    }

    @Test
    void phi3IsReadAsItWasPublished() {
        JsonObject json = family("phi3");
        json.getAsJsonObject("rope_scaling").addProperty("type", "su");
        json.add(
                "auto_map",
                JsonParser.parseString("{\"AutoConfig\":\"configuration_phi3.Phi3Config\","
                        + "\"AutoModelForCausalLM\":\"modeling_phi3.Phi3ForCausalLM\"}"));

        assertThat(ConfigJson.read(json)).isEqualTo(ConfigJson.read(family("phi3")));
    }

    @Test
    void theOriginalContextInsideAndOutsideMustAgree() {
        JsonObject json =
                Json.object(Golden.root().resolve("families").resolve("phi3").resolve("transformers5.json"));
        json.getAsJsonObject("rope_parameters").addProperty("original_max_position_embeddings", 32);

        assertThatThrownBy(() -> ConfigJson.read(json))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("rope_parameters.original_max_position_embeddings")
                .hasMessageContaining("16");
    }

    @Test
    void aFactorOfItsOwnIsWrittenAndReadBack() {
        JsonObject json = family("phi3");
        json.getAsJsonObject("rope_scaling").addProperty("attention_factor", 1.5);
        DecoderConfig config = ConfigJson.read(json);

        assertThat(config.attentionScale()).isCloseTo(2.25 / Math.sqrt(8), within(1e-12));
        assertThat(ConfigJson.read(ConfigJson.write(config)).attentionScale())
                .isCloseTo(config.attentionScale(), within(1e-12));
    }

    @Test
    void theContextOfTheModelChoosesBetweenShortAndLongFactors() {
        DecoderConfig config = ConfigJson.read(family("phi3"));
        Rotation rotation = config.rotations().get(0);

        assertThat(rotation.frequencies(8, config.maxPositions())[3])
                .isEqualTo(1 / (4.5f * (float) Math.pow(10000, 0.75)));
        assertThat(rotation.frequencies(8, 16)[3]).isEqualTo(1 / (1.4f * (float) Math.pow(10000, 0.75)));
    }

    @Test
    void droppedModulesAreReadAsLayersOrAsOneFlagALayer() {
        JsonObject json = family("llama3");
        json.add("drop_attn_list", JsonParser.parseString("[3, 1]"));
        json.add("drop_mlp_list", JsonParser.parseString("[true, false, false, false]"));
        json.add("auto_map", JsonParser.parseString("{\"AutoConfig\":\"configuration_dropped_llama.LlamaConfig\"}"));

        assertThat(ConfigJson.read(json)).isEqualTo(ConfigJson.read(family("llama3")));
        assertThat(ConfigJson.dropped(json))
                .containsExactly(
                        new ModuleSite(0, ModuleKind.MLP),
                        new ModuleSite(1, ModuleKind.ATTENTION),
                        new ModuleSite(3, ModuleKind.ATTENTION));
    }

    @Test
    void whatIsWrittenIsReadBack() {
        for (String name : Golden.families()) {
            DecoderConfig config = ConfigJson.read(family(name));

            assertThat(ConfigJson.read(ConfigJson.write(config))).as(name).isEqualTo(config);
        }
    }
}
