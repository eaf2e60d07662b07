package org.skipgpt.shape;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.skipgpt.io.JsonFields;

/**
 * Gemma 3 folders that can look at images, of which the text's part is read: {@link Gemma3}. What belongs to images is left
 * out, and so is not in a folder that is saved.
 */
final class Gemma3WithImages implements Family {
    private static final Set<String> OF_IMAGES = Set.of(
            "vision_config",
            "mm_tokens_per_image",
            "boi_token_index",
            "eoi_token_index",
            "image_token_index",
            "boi_token_id",
            "eoi_token_id",
            "image_token_id");

    private final Family texts = new Gemma3();

    @Override
    public String name() {
        return "gemma3";
    }

    @Override
    public String architecture() {
        return "Gemma3ForConditionalGeneration";
    }

    @Override
    public JsonObject text(JsonObject config) {
        JsonFields json = JsonFields.of(config, "config.json");
        JsonFields inner = json.object("text_config");
        inner.choice("model_type", texts.name(), Set.of(texts.name()));
        JsonObject text = new JsonObject();
        for (String name : json.names()) {
            if (!OF_IMAGES.contains(name) && !name.equals("text_config")) {
                text.add(name, config.get(name));
            }
        }
        // some files name the end marks outside only, and write null within
        for (Map.Entry<String, JsonElement> field : inner.json().entrySet()) {
            if (!text.has(field.getKey()) || !field.getValue().isJsonNull()) {
                text.add(field.getKey(), field.getValue());
            }
        }
        text.addProperty("model_type", texts.name());
        return text;
    }

    @Override
    public List<Integer> windows(JsonFields json, int layers) {
        return texts.windows(json, layers);
    }
}
