package org.skipgpt.data.world;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The answers offered by an item of any of the seven benchmarks and the number of the right one. */
record Choices(List<String> texts, int answer) {
    static Choices of(Map<String, Object> item) {
        JsonObject json = new Gson().toJsonTree(item).getAsJsonObject();
        if (json.has("choices")) {
            JsonObject choices = json.getAsJsonObject("choices");
            int answer = strings(choices.getAsJsonArray("label"))
                    .indexOf(json.get("answerKey").getAsString());
            return new Choices(strings(choices.getAsJsonArray("text")), answer);
        }
        if (json.has("endings")) {
            return new Choices(
                    strings(json.getAsJsonArray("endings")), json.get("label").getAsInt());
        }
        if (json.has("sol1")) {
            return new Choices(texts(json, "sol1", "sol2"), json.get("label").getAsInt());
        }
        if (json.has("option1")) {
            return new Choices(
                    texts(json, "option1", "option2"), json.get("answer").getAsInt() - 1);
        }
        return new Choices(List.of("no", "yes"), json.get("label").getAsInt());
    }

    private static List<String> texts(JsonObject json, String first, String second) {
        return List.of(json.get(first).getAsString(), json.get(second).getAsString());
    }

    private static List<String> strings(JsonArray array) {
        List<String> all = new ArrayList<>();
        array.forEach(e -> all.add(e.getAsString()));
        return all;
    }
}
