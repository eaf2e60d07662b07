package org.skipgpt.data.world;

import java.util.Iterator;
import java.util.List;
import java.util.function.LongToDoubleFunction;
import java.util.stream.LongStream;

/**
 * Seeded English text about the world, for training.
 *
 * <p>Document i depends on the world, the seed, i and the difficulty alone, so a run that stops can go on at any document. The
 * difficulty (0 to 1) moves the mixture from short dense recall and single facts to stories, talks and passages with
 * questions. No phrasing of the evaluation files is used.
 *
 * <pre>{@code
 * WorldText text = new WorldText(World.of(World.SEED), 1);
 * Iterator<LabelledText> documents = text.documents(0, i -> Math.min(1, i / 50_000.0));
 * String first = documents.next().text();
 * }</pre>
 */
public final class WorldText {
    /** Kinds of passages with their weights at difficulty 0 and 1. */
    private enum Kind {
        PORTRAIT(3, 3),
        MEDLEY(3, 2),
        ROUNDUP(2, 1),
        ASK(5, 5),
        CHAT(1, 1),
        GUESS(3, 2),
        CHECK(9, 3),
        YES_NO(2, 3),
        YES_NO_PASSAGE(4, 5),
        ADVICE(0.7, 0.7),
        ADVICE_QUESTION(1.3, 1.5),
        PAIRS(3, 3),
        ACTIVITY(1.5, 2),
        RECALL(4, 0.8),
        SUM(0.7, 1.2),
        STORY(0.5, 2),
        DIALOGUE(0.5, 1.2);

        private final double easy;
        private final double hard;

        Kind(double easy, double hard) {
            this.easy = easy;
            this.hard = hard;
        }

        double weight(double difficulty) {
            return easy + (hard - easy) * difficulty;
        }
    }

    private static final int SHORTEST_WORDS = 60;
    private static final int LONGEST_WORDS = 200;
    private static final double ARTICLES = 0.06;
    private static final double NEWSWIRE = 0.03;
    private static final double ONE_KIND = 0.2;

    private final long seed;
    private final Passages passages;
    private final Stories stories;

    /**
     * Text about a world.
     *
     * @param world its facts
     * @param seed any number; different seeds give different documents
     */
    public WorldText(World world, long seed) {
        this.seed = seed;
        passages = new Passages(world);
        stories = new Stories(world);
    }

    /**
     * One document of about 60 to 250 words.
     *
     * @param index number of the document, 0 or more
     * @param difficulty 0 (easy) to 1 (hard)
     * @throws IllegalArgumentException if the difficulty is out of range
     */
    public LabelledText document(long index, double difficulty) {
        if (!(difficulty >= 0 && difficulty <= 1)) {
            throw new IllegalArgumentException("difficulty " + difficulty + " is not allowed: expected 0 to 1");
        }
        Dice dice = Dice.of(seed, index);
        double style = dice.unit();
        if (style < ARTICLES) {
            return article(dice);
        }
        if (style < ARTICLES + NEWSWIRE) {
            return newswire(dice);
        }
        return mixture(dice, difficulty, style > 1 - ONE_KIND);
    }

    /**
     * The first documents of middling difficulty, as plain texts about the world that is embedded.
     *
     * @param count how many, 0 or more
     * @throws IllegalArgumentException for a number below 0
     */
    public static List<String> documents(int count, long seed) {
        if (count < 0) {
            throw new IllegalArgumentException(
                    "count " + count + " is not allowed: expected how many documents, 0 or more, e.g. 200");
        }
        WorldText text = new WorldText(World.of(World.SEED), seed);
        return LongStream.range(0, count)
                .mapToObj(i -> text.document(i, 0.5).text())
                .toList();
    }

    /**
     * Documents without end.
     *
     * @param first number of the first one
     * @param difficulty difficulty of each document by its number
     */
    public Iterator<LabelledText> documents(long first, LongToDoubleFunction difficulty) {
        return LongStream.iterate(first, i -> i + 1)
                .mapToObj(i -> document(i, difficulty.applyAsDouble(i)))
                .iterator();
    }

    LabelledText article(Dice dice) {
        Page page = new Page();
        int words = dice.from(SHORTEST_WORDS, LONGEST_WORDS);
        while (page.words() < words) {
            passages.article(page, passages.articleTopic(dice), dice);
        }
        return page.done();
    }

    LabelledText newswire(Dice dice) {
        Page page = new Page(true);
        int words = dice.from(SHORTEST_WORDS, LONGEST_WORDS);
        while (page.words() < words) {
            if (dice.chance(0.2)) {
                stories.tell("sum", page, dice);
            } else {
                passages.medley(page, dice);
            }
            page.line();
        }
        return page.done();
    }

    private LabelledText mixture(Dice dice, double difficulty, boolean oneKind) {
        Page page = new Page();
        Entity topic = passages.topic(dice);
        int words = dice.from(SHORTEST_WORDS, LONGEST_WORDS);
        Kind kind = kind(dice, difficulty);
        while (page.words() < words) {
            page.paragraph();
            write(kind, page, topic, dice);
            if (!oneKind) {
                kind = kind(dice, difficulty);
            }
        }
        return page.done();
    }

    private void write(Kind kind, Page page, Entity topic, Dice dice) {
        switch (kind) {
            case PORTRAIT -> passages.portrait(page, page.isEmpty() ? topic : passages.topic(dice), dice);
            case MEDLEY -> passages.medley(page, dice);
            case ROUNDUP -> passages.roundup(page, dice);
            case ASK -> passages.ask(page, topic, dice);
            case CHAT -> passages.chat(page, topic, dice);
            case GUESS -> passages.guesses(page, topic, dice);
            case CHECK -> passages.checks(page, dice);
            case YES_NO -> passages.yesNo(page, topic, dice);
            case YES_NO_PASSAGE -> passages.yesNoPassage(page, page.isEmpty() ? topic : passages.topic(dice), dice);
            case ADVICE -> passages.advise(page, false, dice);
            case ADVICE_QUESTION -> passages.advise(page, true, dice);
            case PAIRS -> passages.pairs(page, dice);
            case ACTIVITY -> stories.activity(page, dice);
            case RECALL -> recall(page, dice);
            case SUM -> sums(page, dice);
            case STORY -> stories.tell("story", page, dice);
            case DIALOGUE -> stories.tell("dialogue", page, dice);
        }
    }

    private void recall(Page page, Dice dice) {
        int n = dice.from(2, 5);
        for (int i = 0; i < n; i++) {
            stories.tell("recall", page, dice);
        }
    }

    private void sums(Page page, Dice dice) {
        int n = dice.from(1, 3);
        for (int i = 0; i < n; i++) {
            stories.tell("sum", page, dice);
            page.line();
        }
    }

    private static Kind kind(Dice dice, double difficulty) {
        double total = 0;
        for (Kind kind : Kind.values()) {
            total += kind.weight(difficulty);
        }
        double left = dice.unit() * total;
        for (Kind kind : Kind.values()) {
            left -= kind.weight(difficulty);
            if (left < 0) {
                return kind;
            }
        }
        return Kind.STORY;
    }
}
