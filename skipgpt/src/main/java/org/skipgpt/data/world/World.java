package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The record of all facts of the embedded world.
 *
 * <p>What holds for animals, foods, things, tools, jobs, materials, causes and ways to do things is hand-written and the same in
 * every world; people and towns draw their facts from the seed. About one fact in five is reserved: training text states
 * it but never asks about it.
 *
 * <pre>{@code
 * World world = World.of(1);
 * world.facts().size();
 * }</pre>
 */
public final class World {
    /** The seed of the world whose files lie in {@code datasets/world}. */
    public static final long SEED = 20260101L;

    private static final int RESERVED_ONE_IN = 5;

    private final List<Relation> relations = Relation.load();
    private final Map<String, List<Entity>> entities = new LinkedHashMap<>();
    private final List<Fact> facts = new ArrayList<>();
    private final Map<String, List<Fact>> byRelation = new LinkedHashMap<>();
    private final Map<Entity, List<Fact>> bySubject = new LinkedHashMap<>();
    private final List<Script> scripts;

    private World(long seed) {
        for (String table : List.of("animals", "foods", "things", "tools", "jobs")) {
            addTable(table, true);
        }
        for (String table : List.of("materials", "causes", "howto", "opposites")) {
            addTable(table, false);
        }
        addDrawn(Dice.of(seed, 0));
        scripts = Tables.rows("scripts").stream()
                .map(row -> new Script(row.get(0), row.subList(1, row.size())))
                .toList();
    }

    /**
     * The world of a seed.
     *
     * @param seed any number; {@link #SEED} for the world of the stored files
     */
    public static World of(long seed) {
        return new World(seed);
    }

    /** All facts, in a fixed order. */
    public List<Fact> facts() {
        return List.copyOf(facts);
    }

    /** All relations, in a fixed order. */
    public List<Relation> relations() {
        return relations;
    }

    /** Facts of one relation. */
    public List<Fact> facts(String relation) {
        return byRelation.getOrDefault(relation, List.of());
    }

    /** Facts about one subject. */
    public List<Fact> facts(Entity subject) {
        return bySubject.getOrDefault(subject, List.of());
    }

    /** Entities of one table, such as {@code people}. */
    public List<Entity> entities(String table) {
        return entities.getOrDefault(table, List.of());
    }

    /** Everyday activities with their steps. */
    public List<Script> scripts() {
        return scripts;
    }

    /** The fact which a subject has in a relation, if there is one. */
    public Optional<Fact> fact(String relation, Entity subject) {
        return facts(subject).stream()
                .filter(f -> f.relation().name().equals(relation))
                .findFirst();
    }

    private void addTable(String table, boolean countable) {
        List<List<String>> rows = Tables.rows(table);
        List<String> columns = rows.get(0);
        for (List<String> row : rows.subList(1, rows.size())) {
            String[] name = row.get(0).split("/");
            String plural = name.length > 1 ? name[1] : countable ? name[0] + "s" : name[0];
            Entity entity = new Entity(table, name[0], plural, "it");
            entities.computeIfAbsent(table, t -> new ArrayList<>()).add(entity);
            for (int i = 1; i < columns.size(); i++) {
                add(entity, columns.get(i), row.get(i));
            }
        }
    }

    private void addDrawn(Dice dice) {
        Map<String, List<String>> values = new LinkedHashMap<>();
        for (String line : Tables.lines("values")) {
            int colon = line.indexOf(':');
            String key = line.substring(0, colon);
            values.put(key, Tables.list(line.substring(colon + 1).strip(), key.equals("towns") ? " " : ";"));
        }
        values.put("job", entities("jobs").stream().map(Entity::name).toList());
        values.put("town", values.getOrDefault("towns", List.of()));
        for (String town : values.getOrDefault("towns", List.of())) {
            draw(new Entity("towns", town, town, "it"), values, dice);
        }
        for (String line : Tables.lines("people")) {
            String pronoun = line.startsWith("f") ? "she" : "he";
            for (String name : Tables.list(line.substring(2).strip(), " ")) {
                draw(new Entity("people", name, name, pronoun), values, dice);
            }
        }
    }

    private void draw(Entity entity, Map<String, List<String>> values, Dice dice) {
        entities.computeIfAbsent(entity.table(), t -> new ArrayList<>()).add(entity);
        for (Relation relation : relations) {
            if (relation.table().equals(entity.table())) {
                add(entity, relation.column(), dice.pick(values.getOrDefault(relation.column(), List.of("-"))));
            }
        }
    }

    private void add(Entity subject, String column, String value) {
        if (value.equals("-")) {
            return;
        }
        for (Relation relation : relations) {
            if (relation.table().equals(subject.table()) && relation.column().equals(column)) {
                List<Fact> same = byRelation.computeIfAbsent(relation.name(), r -> new ArrayList<>());
                boolean reserved = Dice.of(SEED, facts.size()).below(RESERVED_ONE_IN) == 0;
                Fact fact = new Fact(relation, subject, value, reserved);
                same.add(fact);
                facts.add(fact);
                bySubject.computeIfAbsent(subject, s -> new ArrayList<>()).add(fact);
            }
        }
    }
}
