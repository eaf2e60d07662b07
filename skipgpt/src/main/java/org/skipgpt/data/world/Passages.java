package org.skipgpt.data.world;

import java.util.List;
import java.util.Locale;

/** Writes passages made of facts. Each method writes one passage of a kind. */
final class Passages {
    private static final int ARTICLE_FACTS = 3;

    private final World world;
    private final Sayings sayings;
    private final List<Fact> facts;
    private final List<Fact> open;

    Passages(World world) {
        this.world = world;
        sayings = new Sayings(world);
        facts = world.facts();
        open = facts.stream().filter(fact -> !fact.reserved()).toList();
    }

    /** A few facts about one subject. */
    void portrait(Page page, Entity subject, Dice dice) {
        for (Fact fact : dice.some(world.facts(subject), dice.from(3, 6))) {
            sayings.state(page, fact, dice);
        }
    }

    /** Facts about different subjects. */
    void medley(Page page, Dice dice) {
        int n = dice.from(3, 6);
        for (int i = 0; i < n; i++) {
            sayings.state(page, dice.pick(facts), dice);
        }
    }

    /** Facts of one relation about several subjects. */
    void roundup(Page page, Dice dice) {
        Relation relation = dice.pick(facts).relation();
        for (Fact fact : dice.some(world.facts(relation.name()), dice.from(3, 5))) {
            sayings.state(page, fact, dice);
        }
    }

    /** Questions with answers. */
    void ask(Page page, Entity topic, Dice dice) {
        int n = dice.from(1, 4);
        for (int i = 0; i < n; i++) {
            sayings.ask(page, openFact(topic, dice), dice);
        }
        page.paragraph();
    }

    /** Questions and answers within a paragraph. */
    void chat(Page page, Entity topic, Dice dice) {
        int n = dice.from(2, 4);
        for (int i = 0; i < n; i++) {
            sayings.chat(page, openFact(topic, dice), dice);
        }
    }

    /** Yes/no questions about what is known. */
    void yesNo(Page page, Entity topic, Dice dice) {
        int n = dice.from(1, 3);
        for (int i = 0; i < n; i++) {
            askYesNo(page, openFact(topic, dice), dice);
        }
    }

    /** Facts, some of them told first, about which right and wrong answers are tried. */
    void guesses(Page page, Entity topic, Dice dice) {
        int n = dice.from(1, 3);
        for (int i = 0; i < n; i++) {
            Fact fact = openFact(topic, dice);
            if (dice.chance(0.5)) {
                sayings.state(page, fact, dice);
            }
            sayings.guess(page, fact, dice);
        }
    }

    /** A short passage about a subject, then yes/no questions about what it tells. */
    void yesNoPassage(Page page, Entity topic, Dice dice) {
        List<Fact> told = dice.some(world.facts(topic), dice.from(1, 4));
        for (Fact fact : told) {
            sayings.state(page, fact, dice);
        }
        for (Fact fact : dice.shuffled(told)) {
            if (!fact.reserved()) {
                askYesNo(page, fact, dice);
            }
        }
    }

    /** Facts, each asked for right after it was told: the shortest way between a claim and what it is compared with. */
    void checks(Page page, Dice dice) {
        int n = dice.from(2, 5);
        for (int i = 0; i < n; i++) {
            Fact fact = dice.pick(open);
            page.paragraph();
            sayings.state(page, fact, dice);
            askYesNo(page, fact, dice);
        }
    }

    /** Often twice in a row, so that the same words with another value show what the answer hangs on. */
    private void askYesNo(Page page, Fact fact, Dice dice) {
        int times = dice.chance(0.4) ? 2 : 1;
        for (int i = 0; i < times; i++) {
            sayings.yesNo(page, fact, dice.chance(0.5), dice);
        }
    }

    /** Goals and how to reach them. */
    void advise(Page page, boolean asQuestion, Dice dice) {
        int written = 0;
        int n = dice.from(1, 3);
        while (written < n) {
            Relation relation = dice.pick(world.relations());
            if (relation.templates("P").isEmpty()) {
                continue;
            }
            Fact fact = dice.pick(world.facts(relation.name()));
            if (!fact.reserved() && sayings.advise(page, fact, asQuestion, dice)) {
                written++;
            }
        }
        if (asQuestion) {
            page.paragraph();
        }
    }

    /** Two subjects are told apart. */
    void pairs(Page page, Dice dice) {
        int written = 0;
        int n = dice.from(1, 4);
        while (written < n) {
            if (sayings.pair(page, dice.pick(open), dice)) {
                written++;
            }
        }
    }

    /** An article with headings. */
    void article(Page page, Entity subject, Dice dice) {
        page.plain("= ").capital().plain(subject.name()).plain(" =").paragraph();
        List<Fact> all = dice.shuffled(world.facts(subject));
        int at = 0;
        while (at < all.size()) {
            int end = Math.min(all.size(), at + dice.from(2, 4));
            if (at > 0) {
                page.paragraph()
                        .plain("== ")
                        .capital()
                        .plain(heading(all.get(at)))
                        .plain(" ==")
                        .paragraph();
            }
            for (Fact fact : all.subList(at, end)) {
                sayings.state(page, fact, dice);
                if (dice.chance(0.3)) {
                    sayings.state(page, dice.pick(world.facts(fact.relation().name())), dice);
                }
            }
            at = end;
        }
        page.paragraph();
    }

    /** A subject of which there is enough to tell for an article. */
    Entity articleTopic(Dice dice) {
        Entity topic = topic(dice);
        while (world.facts(topic).size() < ARTICLE_FACTS) {
            topic = topic(dice);
        }
        return topic;
    }

    Entity topic(Dice dice) {
        return dice.pick(facts).subject();
    }

    private static String heading(Fact fact) {
        return fact.relation().column().toLowerCase(Locale.ROOT);
    }

    /** A fact that may be asked in training, often about the topic. */
    private Fact openFact(Entity topic, Dice dice) {
        if (dice.chance(0.4)) {
            List<Fact> about =
                    world.facts(topic).stream().filter(fact -> !fact.reserved()).toList();
            if (!about.isEmpty()) {
                return dice.pick(about);
            }
        }
        return dice.pick(open);
    }
}
