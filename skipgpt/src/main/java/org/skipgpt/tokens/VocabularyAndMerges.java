package org.skipgpt.tokens;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.skipgpt.data.DataException;
import org.skipgpt.io.BoundedFile;
import org.skipgpt.io.Json;

/**
 * A tokenizer.json made of {@code vocab.json} and {@code merges.txt}, as the class that tokenizer_config.json names
 * makes it in transformers.
 */
final class VocabularyAndMerges {
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
        json.add("pre_tokenizer", qwen ? WordSplits.pattern(WordSplits.QWEN2) : WordSplits.byteLevel(true));
        json.add("post_processor", WordSplits.byteLevel(false));
        json.add("decoder", WordSplits.byteLevel(true));
        JsonObject model = new JsonObject();
        model.addProperty("type", "BPE");
        model.add("vocab", Json.object(vocabulary, DataException::new));
        model.add("merges", merges(merges));
        json.add("model", model);
        return TokenizerJson.of(vocabulary, json);
    }

    private static JsonArray merges(Path file) {
        JsonArray merges = new JsonArray();
        List<String> lines = BoundedFile.text(file, BoundedFile.MOST_BYTES, DataException::new)
                .lines()
                .toList();
        for (String line :
                lines.isEmpty() || !lines.get(0).startsWith("#version") ? lines : lines.subList(1, lines.size())) {
            if (!line.isBlank()) {
                merges.add(line);
            }
        }
        return merges;
    }
}
