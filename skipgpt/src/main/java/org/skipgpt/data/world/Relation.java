package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A kind of fact with the sentences which state it and ask about it.
 *
 * @param name such as {@code animal.home}
 * @param table subjects it holds for
 * @param column column of that table
 * @param valueForm how the value reads as an answer, such as <code>{a.o}</code>
 * @param subjectForm how the subject reads as an answer
 * @param close sets of values too close to each other to serve as wrong answers
 * @param templates sentence templates by use: upper case letters for training, lower case for evaluation
 */
public record Relation(
        String name,
        String table,
        String column,
        String valueForm,
        String subjectForm,
        List<Set<String>> close,
        Map<String, List<String>> templates) {

    /** Templates of one use, none if the relation has none. */
    public List<String> templates(String use) {
        return templates.getOrDefault(use, List.of());
    }

    /** Whether two values are the same or too close to tell apart. */
    public boolean isClose(String a, String b) {
        return a.equals(b) || close.stream().anyMatch(set -> set.contains(a) && set.contains(b));
    }

    static List<Relation> load() {
        List<Relation> all = new ArrayList<>();
        Map<String, List<String>> templates = new TreeMap<>();
        for (String line : Tables.lines("relations")) {
            if (line.startsWith("@")) {
                templates = new TreeMap<>();
                all.add(head(line.substring(1).split("\\|"), templates));
            } else {
                templates
                        .computeIfAbsent(line.substring(0, 1), use -> new ArrayList<>())
                        .add(line.substring(2).strip());
            }
        }
        return List.copyOf(all);
    }

    private static Relation head(String[] part, Map<String, List<String>> templates) {
        List<Set<String>> close = new ArrayList<>();
        for (String group : part[5].split(";")) {
            close.add(Set.copyOf(Tables.list(group, ",")));
        }
        return new Relation(
                part[0].strip(), part[1].strip(), part[2].strip(), part[3].strip(), part[4].strip(), close, templates);
    }
}
