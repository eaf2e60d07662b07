package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Items of the seven small benchmarks, in the record fields of the originals.
 *
 * <p>Every phrasing here is kept from training text; about half of the items ask for reserved facts, which training text never asks
 * about at all, and the people who act in activities never act in training text.
 */
public final class WorldBenchmarks {
    /** Names of the seven, as their files are called. */
    public static final List<String> NAMES =
            List.of("openbookqa", "winogrande", "piqa", "hellaswag", "boolq", "arc_easy", "arc_challenge");

    private static final List<String> LETTERS = List.of("A", "B", "C", "D");
    private static final int FEWEST_CHOICES = 3;
    private static final int PASSAGE_FACTS = 3;
    private static final int TRIES = 200_000;

    private final World world;
    private final Sayings sayings;
    private final Stories stories;

    /** Benchmarks about a world. */
    public WorldBenchmarks(World world) {
        this.world = world;
        sayings = new Sayings(world);
        stories = new Stories(world);
    }

    /**
     * Different items of one benchmark.
     *
     * @param name one of {@link #NAMES}
     * @param count how many, 1 or more
     * @param seed any number; the same seed gives the same items
     * @return records of field names and values; right answers are spread evenly over the positions
     * @throws IllegalArgumentException if there is no such benchmark, or not so many different items
     */
    public List<Map<String, Object>> items(String name, int count, long seed) {
        if (!NAMES.contains(name)) {
            throw new IllegalArgumentException("benchmark " + name + " is not known: use one of " + NAMES);
        }
        Dice dice = Dice.of(seed, NAMES.indexOf(name));
        List<Map<String, Object>> items = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (int tries = 0; items.size() < count && tries < TRIES; tries++) {
            boolean reserved = dice.chance(0.5);
            Map<String, Object> item = item(name, items.size(), reserved, dice);
            if (!item.isEmpty() && seen.add(question(item))) {
                items.add(item);
            }
        }
        if (items.size() < count) {
            throw new IllegalArgumentException(
                    count + " items of " + name + " were asked for: only " + items.size() + " different ones exist");
        }
        return dice.shuffled(items);
    }

    /** The text that makes an item different from others. */
    static String question(Map<String, Object> item) {
        return item.entrySet().stream()
                .filter(e -> List.of("question_stem", "sentence", "goal", "ctx", "passage", "question")
                        .contains(e.getKey()))
                .map(e -> e.getValue().toString())
                .reduce("", (a, b) -> a + "\n" + b);
    }

    private Map<String, Object> item(String name, int number, boolean reserved, Dice dice) {
        if (name.equals("hellaswag")) {
            return activity(number, dice);
        }
        Relation relation = dice.pick(world.relations());
        List<Fact> facts = world.facts(relation.name()).stream()
                .filter(fact -> fact.reserved() == reserved)
                .toList();
        String use = switch (name) {
            case "openbookqa" -> "t";
            case "winogrande" -> "w";
            case "piqa" -> "p";
            case "boolq" -> "y";
            case "arc_easy" -> "q";
            default -> "r";
        };
        if (facts.isEmpty() || relation.templates(use).isEmpty()) {
            return Map.of();
        }
        Fact fact = dice.pick(facts);
        String template = dice.pick(relation.templates(use));
        return switch (use) {
            case "w" -> winogrande(fact, template, number, dice);
            case "p" -> piqa(fact, template, number, dice);
            case "y" -> boolq(fact, template, number, dice);
            default -> choice(name, fact, template, number, dice);
        };
    }

    private Map<String, Object> choice(String name, Fact fact, String template, int number, Dice dice) {
        boolean subject = name.equals("arc_challenge");
        String form = subject ? fact.relation().subjectForm() : fact.relation().valueForm();
        if (name.equals("openbookqa") && !form.contains("a.")) {
            form = "{o}";
        }
        String answerForm = form;
        Set<String> wrong = new HashSet<>();
        List<String> options = new ArrayList<>();
        for (Fact other : dice.shuffled(sayings.wrongSubjects(fact))) {
            String text = render(answerForm, terms(other));
            if (options.size() < LETTERS.size() - 1 && wrong.add(text)) {
                options.add(text);
            }
        }
        if (options.size() + 1 < FEWEST_CHOICES) {
            return Map.of(); // such as day or night: yes/no questions and pairs ask for these facts
        }
        int answer = number % (options.size() + 1);
        options.add(answer, render(answerForm, terms(fact)));
        Map<String, Object> choices = new LinkedHashMap<>();
        choices.put("text", options);
        choices.put("label", LETTERS.subList(0, options.size()));
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("id", name + "-" + number);
        item.put(name.equals("openbookqa") ? "question_stem" : "question", capital(render(template, terms(fact))));
        item.put("choices", choices);
        item.put("answerKey", LETTERS.get(answer));
        return item;
    }

    private Map<String, Object> winogrande(Fact fact, String template, int number, Dice dice) {
        List<Fact> others = sayings.wrongSubjects(fact);
        if (others.isEmpty()) {
            return Map.of();
        }
        Term right = Term.of(fact.subject());
        Term wrong = Term.of(dice.pick(others).subject());
        boolean first = number % 2 == 0;
        Map<String, Term> terms = terms(fact);
        terms.put("1", first ? right : wrong);
        terms.put("2", first ? wrong : right);
        Map<String, Object> item = new LinkedHashMap<>();
        int slot = template.indexOf("{s}");
        item.put(
                "sentence",
                capital(render(template.substring(0, slot), terms)
                        + "_"
                        + render(template.substring(slot + "{s}".length()), terms)));
        item.put("option1", first ? right.text() : wrong.text());
        item.put("option2", first ? wrong.text() : right.text());
        item.put("answer", first ? "1" : "2");
        return item;
    }

    private Map<String, Object> piqa(Fact fact, String template, int number, Dice dice) {
        String[] part = template.split("\\|");
        boolean bySubject = !part[1].contains("o}");
        List<Fact> others = sayings.wrongSubjects(fact);
        if (others.isEmpty()) {
            return Map.of();
        }
        Map<String, Term> other = terms(fact);
        Fact wrong = dice.pick(others);
        other.put(bySubject ? "s" : "o", bySubject ? Term.of(wrong.subject()) : Term.of(wrong.value()));
        List<String> ways = new ArrayList<>(List.of(capital(render(part[1], other))));
        ways.add(number % 2, capital(render(part[1], terms(fact))));
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("goal", capital(render(part[0], terms(fact))));
        item.put("sol1", ways.get(0));
        item.put("sol2", ways.get(1));
        item.put("label", number % 2);
        return item;
    }

    private Map<String, Object> boolq(Fact fact, String template, int number, Dice dice) {
        List<String> wrong = sayings.wrongValues(fact);
        if (wrong.isEmpty() || world.facts(fact.subject()).size() < PASSAGE_FACTS) {
            return Map.of();
        }
        Page page = new Page();
        List<Fact> around = new ArrayList<>(dice.some(world.facts(fact.subject()), PASSAGE_FACTS));
        around.remove(fact);
        around.add(dice.below(around.size() + 1), fact);
        around.forEach(f -> sayings.state(page, f, dice));
        boolean yes = number % 2 == 1;
        Map<String, Term> terms = terms(fact);
        if (!yes) {
            terms.put("o", Term.of(dice.pick(wrong)));
        }
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("question", render(template, terms));
        item.put("passage", page.done().text());
        item.put("answer", yes);
        item.put("label", yes ? 1 : 0);
        return item;
    }

    private Map<String, Object> activity(int number, Dice dice) {
        Script script = dice.pick(world.scripts());
        Term who = Term.of(dice.pick(stories.unseenActors()));
        int step = dice.from(1, script.steps().size() - 1);
        List<String> endings = new ArrayList<>();
        for (Script other : dice.some(world.scripts(), LETTERS.size())) {
            if (!other.equals(script) && endings.size() < LETTERS.size() - 1) {
                endings.add(dice.pick(other.steps().subList(1, other.steps().size())) + ".");
            }
        }
        int answer = number % (endings.size() + 1);
        endings.add(answer, script.steps().get(step) + ".");
        String first = who.text() + " " + script.steps().get(step - 1) + ".";
        String second = dice.pick(List.of("a moment later ", "soon after that ", "without a pause ")) + who.form("he");
        Map<String, Object> item = new LinkedHashMap<>();
        item.put("ind", number);
        item.put("activity_label", capital(script.activity()));
        item.put("ctx_a", first);
        item.put("ctx_b", second);
        item.put("ctx", first + " " + second);
        item.put("endings", endings);
        item.put("label", answer);
        return item;
    }

    private static Map<String, Term> terms(Fact fact) {
        Map<String, Term> terms = new LinkedHashMap<>();
        terms.put("s", Term.of(fact.subject()));
        terms.put("o", Term.of(fact.value()));
        return terms;
    }

    private static String render(String template, Map<String, Term> terms) {
        StringBuilder text = new StringBuilder();
        Slots.fill(template, terms, text::append, (key, words) -> text.append(words));
        return text.toString();
    }

    private static String capital(String text) {
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }
}
