package org.skipgpt.shape;

import com.google.gson.JsonElement;
import java.util.Map;
import java.util.Set;
import org.skipgpt.io.JsonFields;

/**
 * The fields of a config.json that need no reading: those that do not touch the forward pass, and those that would but
 * hold the one value that does not.
 */
final class ConfigNames {
    private static final Set<String> ABOUT_THE_FILE = Set.of(
            "architectures",
            "model_type",
            "transformers_version",
            "transformers.js_config",
            "torch_dtype",
            "dtype",
            "_name_or_path",
            "name_or_path",
            "_commit_hash",
            "is_llama_config",
            "tokenizer_class",
            "unsloth_version",
            "unsloth_fixed",
            "_attn_implementation_autoset",
            "_attn_implementation",
            "attn_implementation",
            "_attn_implementation_internal",
            "cache_implementation",
            "use_cache");
    // dropout and initial values: training from nothing and other trainers only
    private static final Set<String> ABOUT_TRAINING = Set.of(
            "initializer_range",
            "attention_dropout",
            "hidden_dropout",
            "hidden_dropout_prob",
            "attention_probs_dropout_prob",
            "embd_pdrop",
            "resid_pdrop",
            "attn_pdrop",
            "gradient_checkpointing",
            "neftune_noise_alpha",
            "output_attentions",
            "output_hidden_states",
            "output_scores",
            "return_dict",
            "return_dict_in_generate",
            "use_return_dict",
            "torchscript",
            "use_bfloat16",
            "tf_legacy_loss",
            "problem_type",
            "finetuning_task",
            "task_specific_params",
            "id2label",
            "label2id",
            "num_labels");
    // read by tokenizers, or defaults of other programs' generation
    private static final Set<String> ABOUT_TEXT = Set.of(
            "unk_token_id",
            "sep_token_id",
            "decoder_start_token_id",
            "prefix",
            "bad_words_ids",
            "begin_suppress_tokens",
            "suppress_tokens",
            "forced_bos_token_id",
            "forced_eos_token_id",
            "do_sample",
            "early_stopping",
            "diversity_penalty",
            "encoder_no_repeat_ngram_size",
            "exponential_decay_length_penalty",
            "length_penalty",
            "max_length",
            "max_new_tokens",
            "min_length",
            "no_repeat_ngram_size",
            "num_beam_groups",
            "num_beams",
            "num_return_sequences",
            "remove_invalid_values",
            "repetition_penalty",
            "temperature",
            "top_k",
            "top_p",
            "typical_p",
            "chunk_size_feed_forward");
    // fields of other architectures, and the values under which they do nothing
    private static final Map<String, Set<String>> NEUTRAL = Map.ofEntries(
            Map.entry("mlp_bias", Set.of("false")),
            Map.entry("pretraining_tp", Set.of("0", "1")),
            Map.entry("num_local_experts", Set.of("0", "1")),
            Map.entry("num_experts", Set.of("0", "1")),
            Map.entry("partial_rotary_factor", Set.of("1", "1.0")),
            Map.entry("embedding_multiplier", Set.of("1", "1.0")),
            Map.entry("residual_multiplier", Set.of("1", "1.0")),
            Map.entry("logits_scaling", Set.of("1", "1.0")),
            Map.entry("is_encoder_decoder", Set.of("false")),
            Map.entry("is_decoder", Set.of("false")),
            Map.entry("add_cross_attention", Set.of("false")),
            Map.entry("tie_encoder_decoder", Set.of("false")),
            Map.entry("use_bidirectional_attention", Set.of("false")),
            Map.entry("pruned_heads", Set.of("{}")),
            Map.entry("tie_weights_keys", Set.of("true")));

    private ConfigNames() {}

    /** Notes the harmless fields as read and refuses others' values that are not neutral. */
    static void skip(JsonFields json) {
        ABOUT_THE_FILE.forEach(json::has);
        ABOUT_TRAINING.forEach(json::has);
        ABOUT_TEXT.forEach(json::has);
        NEUTRAL.forEach((field, values) -> {
            JsonElement value = json.json(field).orElse(null);
            if (value != null && !values.contains(value.toString())) {
                throw json.fault(
                        field, "absent or " + values + ", as any other value changes the arithmetic and is not read");
            }
        });
    }
}
