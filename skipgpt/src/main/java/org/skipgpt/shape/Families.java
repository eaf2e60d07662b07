package org.skipgpt.shape;

import com.google.gson.JsonObject;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.skipgpt.io.JsonFields;

/**
 * Every family that is read, and those that a program or a notebook adds.
 *
 * <pre>{@code
 * Families.add(new Mine());                 // a Family of one's own
 * var model = load("a/folder/of/mine");     // its config.json says "model_type": "mine"
 * }</pre>
 */
public final class Families {
    private static final ConcurrentSkipListMap<String, Family> ALL = new ConcurrentSkipListMap<>(Stream.of(
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
            .collect(Collectors.toMap(Family::name, family -> family)));

    private Families() {}

    /**
     * Reads folders of one more family from now on.
     *
     * @throws IllegalArgumentException if another class reads its {@code model_type} already
     */
    public static void add(Family family) {
        ALL.compute(family.name(), (name, before) -> {
            if (before != null && !isAgain(before, family)) {
                throw new IllegalArgumentException("the family " + name + " is read by "
                        + before.getClass().getName() + " already: give yours another name()");
            }
            return family;
        });
    }

    // A cell that is run again defines its class anew, under the same name.
    private static boolean isAgain(Family before, Family family) {
        boolean own = before.getClass().getPackageName().equals(Families.class.getPackageName());
        return !own
                && before.getClass().getSimpleName().equals(family.getClass().getSimpleName());
    }

    /** The family of a config.json. */
    static Family of(JsonObject config) {
        return named(JsonFields.of(config, "config.json").choice("model_type", ALL.keySet()));
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
