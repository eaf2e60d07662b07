package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.skipgpt.io.JsonFields;

/** Every family that is read. */
public final class Families {
    private static final Map<String, Family> ALL = Stream.of(
                    new Llama(),
                    new Mistral(),
                    new Qwen2(),
                    new Qwen3(),
                    new Gemma2(),
                    new Gemma3(),
                    new Gemma3WithImages(),
                    new SmolLm3(),
                    new Phi3(),
                    new Olmo2())
            .collect(Collectors.toMap(Family::name, family -> family, (a, b) -> a, TreeMap::new));

    private Families() {}

    /** The family of a config.json. */
    static Family of(JsonObject config) {
        Set<String> names = ALL.keySet();
        return named(JsonFields.of(config, "config.json").choice("model_type", names));
    }

    /** The family of a name that one has. */
    public static Family named(String name) {
        Family family = ALL.get(name);
        if (family == null) {
            throw new IllegalArgumentException("no family " + name + "; known are " + names());
        }
        return family;
    }

    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }
}
