package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Writes made-up passages: recall, sums, stories, talks and everyday activities. Later mentions are copies of earlier ones. */
final class Stories {
    private static final String[] NUMBERS = {
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty"
    };

    /** Every so many of the people never act in training stories; evaluation lets them act. */
    private static final int UNSEEN_ACTOR_ONE_IN = 8;

    private final World world;
    private final Map<String, List<String>> passages = new TreeMap<>();
    private final List<Entity> actors = new ArrayList<>();

    Stories(World world) {
        this.world = world;
        List<String> section = new ArrayList<>();
        for (String line : Tables.lines("stories")) {
            if (line.startsWith("@")) {
                section = new ArrayList<>();
                passages.put(line.substring(2), section);
            } else {
                section.add(line);
            }
        }
        List<Entity> people = world.entities("people");
        for (int i = 0; i < people.size(); i++) {
            if (i % UNSEEN_ACTOR_ONE_IN != 0) {
                actors.add(people.get(i));
            }
        }
    }

    /** People who act in training text. */
    List<Entity> actors() {
        return actors;
    }

    /** People who never act in training text. */
    List<Entity> unseenActors() {
        return world.entities("people").stream()
                .filter(p -> !actors.contains(p))
                .toList();
    }

    /** One passage of a kind: recall, sum, story or dialogue. */
    void tell(String kind, Page page, Dice dice) {
        String template = choose(dice.pick(passages.getOrDefault(kind, List.of())), dice);
        Map<String, Term> terms = cast(dice);
        Set<String> seen = new HashSet<>();
        for (String paragraph : template.split("\\|\\|")) {
            page.paragraph();
            for (String line : paragraph.split("\\|")) {
                page.line();
                write(page, line, terms, seen);
            }
        }
    }

    /** An everyday activity, told from its first step. */
    void activity(Page page, Dice dice) {
        Script script = dice.pick(world.scripts());
        Term who = Term.of(dice.pick(actors));
        int steps = dice.from(2, script.steps().size());
        int start = dice.chance(0.6) ? 0 : dice.below(script.steps().size() - 1);
        if (dice.chance(0.75)) {
            page.capital().plain(script.activity()).plain(":").gap();
        } else {
            page.of(TokenKind.NAME, who.text())
                    .plain(" is " + script.activity() + ".")
                    .gap();
        }
        List<String> then = List.of(
                "",
                "Then ",
                "Next, ",
                "After that ",
                "Now ",
                "Soon ",
                "A little later ",
                "After a pause ",
                "then ",
                "soon ");
        for (int i = start; i < Math.min(script.steps().size(), start + steps); i++) {
            if (i == start) {
                page.gap().of(TokenKind.NAME, who.text());
            } else {
                String word = dice.chance(0.5) ? "" : dice.pick(then);
                page.gap().plain(word);
                if (word.isEmpty()) {
                    page.capital();
                }
                page.plain(who.form("he"));
            }
            page.plain(" ")
                    .of(
                            i == start ? TokenKind.CONTENT : TokenKind.FACT,
                            script.steps().get(i))
                    .plain(".");
        }
    }

    private void write(Page page, String line, Map<String, Term> terms, Set<String> seen) {
        Slots.fill(line, terms, words -> (page.startsSentence() ? page.capital() : page).plain(words), (key, words) -> {
            if (page.startsSentence()) {
                page.capital();
            }
            page.of(seen.add(key) ? firstKind(key, terms) : TokenKind.COPIED, words);
        });
    }

    private static TokenKind firstKind(String key, Map<String, Term> terms) {
        Term term = terms.get(key);
        if (key.length() > 2) {
            return key.contains("+") ? TokenKind.COMPUTED : TokenKind.FACT;
        }
        return term != null && term.named() ? TokenKind.NAME : TokenKind.CONTENT;
    }

    /** Draws who and what takes part. */
    private Map<String, Term> cast(Dice dice) {
        Map<String, Term> terms = new LinkedHashMap<>();
        put(terms, dice.some(actors, 3), "p", "q", "r");
        put(terms, dice.some(world.entities("things"), 3), "t", "u", "t2");
        put(terms, dice.some(world.entities("foods"), 2), "f", "g");
        put(terms, dice.some(world.entities("towns"), 1), "y");
        List<String> rooms = List.of(
                "the kitchen",
                "the bathroom",
                "the bedroom",
                "the hall",
                "the study",
                "the attic",
                "the barn",
                "the shed");
        List<String> room = dice.some(rooms, 3);
        terms.put("k", Term.of(room.get(0)));
        terms.put("l", Term.of(room.get(1)));
        terms.put("k2", Term.of(room.get(2)));
        List<String> colour =
                dice.some(List.of("red", "blue", "green", "yellow", "white", "black", "brown", "pink"), 2);
        terms.put("c", Term.of(colour.get(0)));
        terms.put("d", Term.of(colour.get(1)));
        Fact home = dice.pick(world.facts("animal.home"));
        terms.put("b", Term.of(home.subject()));
        terms.put("bhome", Term.of(home.value()));
        terms.put(
                "bfood",
                Term.of(world.fact("animal.food", home.subject()).orElse(home).value()));
        Fact use = dice.pick(world.facts("tool.use"));
        terms.put("w", Term.of(use.subject()));
        terms.put("wuse", Term.of(use.value()));
        int n = dice.from(2, 9);
        int m = dice.from(2, 9);
        boolean words = dice.chance(0.4);
        terms.put("n", number(n, words));
        terms.put("m", number(m, words));
        terms.put("n+m", number(n + m, words));
        return terms;
    }

    private static Term number(int value, boolean words) {
        return Term.of(words ? NUMBERS[value] : Integer.toString(value));
    }

    private static void put(Map<String, Term> terms, List<Entity> entities, String... keys) {
        for (int i = 0; i < keys.length; i++) {
            terms.put(keys[i], Term.of(entities.get(i)));
        }
    }

    /** Settles the choices written as [this/that]. */
    private static String choose(String template, Dice dice) {
        String text = template;
        for (int open = text.indexOf('['); open >= 0; open = text.indexOf('[')) {
            int close = text.indexOf(']', open);
            String word = dice.pick(Tables.list(text.substring(open + 1, close), "/"));
            text = text.substring(0, open) + word + text.substring(close + 1);
        }
        return text;
    }
}
