package org.skipgpt.io;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hugging Face names of a GGUF file's tensors, and what its writer did to their numbers.
 *
 * @param stored the file's name by Hugging Face name, in file order
 * @param heads of the query projection where its rows are interleaved, else 0
 * @param kvHeads of the key projection, likewise
 * @param oneAdded whether norm weights are stored with one added
 */
record GgufNames(Map<String, String> stored, int heads, int kvHeads, boolean oneAdded) {
    static final String ROPE_FACTORS = "rope_freqs.weight";
    static final String HEAD = "output.weight";

    private static final Pattern LAYER = Pattern.compile("blk\\.(\\d+)\\.(.+)");
    private static final Pattern NAMED_LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\.(.+)");
    private static final Map<String, String> OUTSIDE = Map.of(
            "token_embd.weight",
            "model.embed_tokens.weight",
            "output_norm.weight",
            "model.norm.weight",
            HEAD,
            "lm_head.weight");
    private static final Map<String, String> INSIDE = Map.ofEntries(
            Map.entry("attn_norm.weight", "input_layernorm.weight"),
            Map.entry("attn_q.weight", "self_attn.q_proj.weight"),
            Map.entry("attn_k.weight", "self_attn.k_proj.weight"),
            Map.entry("attn_v.weight", "self_attn.v_proj.weight"),
            Map.entry("attn_q.bias", "self_attn.q_proj.bias"),
            Map.entry("attn_k.bias", "self_attn.k_proj.bias"),
            Map.entry("attn_v.bias", "self_attn.v_proj.bias"),
            Map.entry("attn_q_norm.weight", "self_attn.q_norm.weight"),
            Map.entry("attn_k_norm.weight", "self_attn.k_norm.weight"),
            Map.entry("attn_output.weight", "self_attn.o_proj.weight"),
            Map.entry("ffn_gate.weight", "mlp.gate_proj.weight"),
            Map.entry("ffn_up.weight", "mlp.up_proj.weight"),
            Map.entry("ffn_down.weight", "mlp.down_proj.weight"));

    static GgufNames of(Path path, GgufConfig config, Set<String> tensors) {
        Map<String, String> stored = new LinkedHashMap<>();
        List<String> unknown = new ArrayList<>();
        for (String tensor : tensors) {
            Matcher layer = LAYER.matcher(tensor);
            String name = layer.matches()
                    ? inside(layer.group(2), config.normsOutputs())
                    : OUTSIDE.getOrDefault(tensor, tensor.equals(ROPE_FACTORS) ? tensor : "");
            if (name.isEmpty()) {
                unknown.add(tensor);
            } else if (!name.equals(ROPE_FACTORS)) {
                stored.put(layer.matches() ? "model.layers." + layer.group(1) + "." + name : name, tensor);
            }
        }
        if (!unknown.isEmpty()) {
            throw new CheckpointException("File " + path + " has tensors this library does not know: "
                    + unknown.subList(0, Math.min(8, unknown.size())) + (unknown.size() > 8 ? ", …" : "")
                    + ". They would change the arithmetic; load the model from safetensors.");
        }
        boolean interleaved = config.isInterleaved();
        return new GgufNames(
                stored, interleaved ? config.heads() : 0, interleaved ? config.kvHeads() : 0, config.isGemma());
    }

    // Where module outputs are normed too, names for the norm before the MLP differ.
    private static String inside(String name, boolean behind) {
        switch (name) {
            case "ffn_norm.weight":
                return behind ? "pre_feedforward_layernorm.weight" : "post_attention_layernorm.weight";
            case "post_attention_norm.weight":
                return behind ? "post_attention_layernorm.weight" : "";
            case "post_ffw_norm.weight":
                return behind ? "post_feedforward_layernorm.weight" : "";
            default:
                return INSIDE.getOrDefault(name, "");
        }
    }

    /**
     * The file's name of a tensor.
     *
     * @param behind whether module outputs are normed
     * @throws CheckpointException for a name that no file has
     */
    static String stored(String name, boolean behind) {
        Matcher layer = NAMED_LAYER.matcher(name);
        Map<String, String> all = new LinkedHashMap<>(layer.matches() ? INSIDE : OUTSIDE);
        if (layer.matches()) {
            for (String norm : List.of("ffn_norm.weight", "post_attention_norm.weight", "post_ffw_norm.weight")) {
                all.put(norm, inside(norm, behind));
            }
        }
        String wanted = layer.matches() ? layer.group(2) : name;
        return all.entrySet().stream()
                .filter(pair -> pair.getValue().equals(wanted))
                .map(pair -> layer.matches() ? "blk." + layer.group(1) + "." + pair.getKey() : pair.getKey())
                .findFirst()
                .orElseThrow(() -> new CheckpointException("Tensor " + name
                        + " has no name in GGUF: save the model as a Hugging Face folder, which has one."));
    }

    /** Heads whose rows the file interleaves in this tensor; 0 where it does not. */
    int headsOfRows(String name) {
        return name.endsWith("q_proj.weight") ? heads : name.endsWith("k_proj.weight") ? kvHeads : 0;
    }

    /** Whether one must be subtracted from this tensor. */
    boolean hasOneAdded(String name) {
        return oneAdded && name.endsWith("norm.weight");
    }

    /** The file's row that holds a row: within a head, row i of the first half lies at 2i, of the second at 2i + 1. */
    long storedRow(String name, long row, long rows) {
        int over = headsOfRows(name);
        if (over == 0) {
            return row;
        }
        long width = rows / over;
        long inHead = row % width;
        return row - inHead + inHead % (width / 2) * 2 + inHead / (width / 2);
    }
}
