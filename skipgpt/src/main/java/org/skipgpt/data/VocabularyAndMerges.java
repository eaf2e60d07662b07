package org.skipgpt.data;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.skipgpt.io.Json;

/**
 * A tokenizer.json made of {@code vocab.json} and {@code merges.txt}, as the class that tokenizer_config.json names
 * makes it in transformers.
 */
final class VocabularyAndMerges {
    // Qwen2's words: one digit at a time, line ends with what stands before them
    private static final String QWEN2_WORDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final Set<String> CLASSES = Set.of("GPT2Tokenizer", "Qwen2Tokenizer");

    private VocabularyAndMerges() {}

    /**
     * Reads the two files.
     *
     * @param type the class's name, without Fast
     * @throws DataException if the class is not one whose form is known here, or a file is damaged
     */
    static TokenizerJson read(Path vocabulary, Path merges, String type) {
        if (!CLASSES.contains(type)) {
            throw new DataException(
                    vocabulary + " belongs to a " + type + ", whose words are not known here: known are "
                            + CLASSES.stream().sorted().toList() + "; make a tokenizer.json with transformers,"
                            + " AutoTokenizer.from_pretrained(folder).save_pretrained(folder)");
        }
        boolean qwen = type.equals("Qwen2Tokenizer");
        JsonObject json = new JsonObject();
        json.addProperty("version", "1.0");
        json.add("added_tokens", new JsonArray());
        json.add("normalizer", qwen ? JsonParser.parseString("{\"type\":\"NFC\"}") : JsonNull.INSTANCE);
        json.add("pre_tokenizer", qwen ? qwenWords() : byteLevel(true));
        json.add("post_processor", byteLevel(false));
        json.add("decoder", byteLevel(true));
        JsonObject model = new JsonObject();
        model.addProperty("type", "BPE");
        model.add("vocab", Json.object(vocabulary, DataException::new));
        model.add("merges", merges(merges));
        json.add("model", model);
        return TokenizerJson.of(vocabulary, json);
    }

    private static JsonObject byteLevel(boolean regex) {
        JsonObject part = new JsonObject();
        part.addProperty("type", "ByteLevel");
        part.addProperty("add_prefix_space", false);
        part.addProperty("trim_offsets", false);
        part.addProperty("use_regex", regex);
        return part;
    }

    private static JsonObject qwenWords() {
        JsonObject pattern = new JsonObject();
        pattern.addProperty("Regex", QWEN2_WORDS);
        JsonObject split = new JsonObject();
        split.addProperty("type", "Split");
        split.add("pattern", pattern);
        split.addProperty("behavior", "Isolated");
        split.addProperty("invert", false);
        JsonArray parts = new JsonArray();
        parts.add(split);
        parts.add(byteLevel(false));
        JsonObject sequence = new JsonObject();
        sequence.addProperty("type", "Sequence");
        sequence.add("pretokenizers", parts);
        return sequence;
    }

    private static JsonArray merges(Path file) {
        JsonArray merges = new JsonArray();
        try {
            List<String> lines = Files.readAllLines(file);
            for (String line :
                    lines.isEmpty() || !lines.get(0).startsWith("#version") ? lines : lines.subList(1, lines.size())) {
                if (!line.isBlank()) {
                    merges.add(line);
                }
            }
        } catch (IOException e) {
            throw new DataException(file + " cannot be read as lines of UTF-8: " + e.getMessage(), e);
        }
        return merges;
    }
}
