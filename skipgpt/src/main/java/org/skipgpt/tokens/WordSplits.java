package org.skipgpt.tokens;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/** The pre-tokenizers of byte-level BPE, in the form of a tokenizer.json: how a text is cut into words. */
final class WordSplits {
    /** Llama 3's words: up to three digits together, line ends with what stands before them. */
    static final String LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    /** Qwen2's words: the same, one digit at a time. */
    static final String QWEN2 = LLAMA3.replace("\\p{N}{1,3}", "\\p{N}");

    private WordSplits() {}

    /** Bytes as letters; with or without GPT-2's words. */
    static JsonObject byteLevel(boolean cutsWords) {
        JsonObject part = new JsonObject();
        part.addProperty("type", "ByteLevel");
        part.addProperty("add_prefix_space", false);
        part.addProperty("trim_offsets", false);
        part.addProperty("use_regex", cutsWords);
        return part;
    }

    /** Words of a pattern, then bytes as letters. */
    static JsonObject pattern(String regex) {
        JsonObject pattern = new JsonObject();
        pattern.addProperty("Regex", regex);
        JsonObject split = new JsonObject();
        split.addProperty("type", "Split");
        split.add("pattern", pattern);
        split.addProperty("behavior", "Isolated");
        split.addProperty("invert", false);
        return sequence(split, byteLevel(false));
    }

    /** Every digit alone, then GPT-2's words. */
    static JsonObject singleDigits() {
        JsonObject digits = new JsonObject();
        digits.addProperty("type", "Digits");
        digits.addProperty("individual_digits", true);
        return sequence(digits, byteLevel(true));
    }

    private static JsonObject sequence(JsonObject first, JsonObject second) {
        JsonArray parts = new JsonArray();
        parts.add(first);
        parts.add(second);
        JsonObject sequence = new JsonObject();
        sequence.addProperty("type", "Sequence");
        sequence.add("pretokenizers", parts);
        return sequence;
    }
}
