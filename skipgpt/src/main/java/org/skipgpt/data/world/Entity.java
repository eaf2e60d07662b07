package org.skipgpt.data.world;

/**
 * A person, town, animal, thing, tool or idea of the world.
 *
 * @param table group it belongs to, such as {@code animals} or {@code people}
 * @param name its name in the singular
 * @param plural its name in the plural
 * @param pronoun he, she or it
 */
public record Entity(String table, String name, String plural, String pronoun) {

    /** Whether the name is a proper name, which takes no article. */
    public boolean isNamed() {
        return table.equals("people") || table.equals("towns");
    }
}
