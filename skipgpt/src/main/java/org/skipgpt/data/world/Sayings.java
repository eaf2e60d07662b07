package org.skipgpt.data.world;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Writes single facts onto a page: as statements, as questions with answers, as advice and in pairs. */
final class Sayings {
    /** Share of yes/no answers that name the value. */
    private static final double NAMED = 0.4;

    private final World world;

    Sayings(World world) {
        this.world = world;
    }

    /** Values of the same relation which are plainly wrong for this fact, each once, in table order. */
    List<String> wrongValues(Fact fact) {
        return world.facts(fact.relation().name()).stream()
                .map(Fact::value)
                .distinct()
                .filter(value -> !fact.relation().isClose(value, fact.value()))
                .toList();
    }

    /** Facts of the same relation whose subjects plainly do not have this value. */
    List<Fact> wrongSubjects(Fact fact) {
        return world.facts(fact.relation().name()).stream()
                .filter(other -> !fact.relation().isClose(other.value(), fact.value()))
                .toList();
    }

    /** One sentence which states the fact. */
    void state(Page page, Fact fact, Dice dice) {
        List<String> templates = fact.relation().templates("S");
        page.gap().capital();
        fill(page, dice.pick(templates), fact, terms(fact, dice));
        page.tell(key(fact));
    }

    /** A question and its answer in the form used by tests of knowledge. */
    void ask(Page page, Fact fact, Dice dice) {
        boolean subject = dice.chance(0.5) && !fact.relation().templates("R").isEmpty();
        page.paragraph().plain("Question: ").capital();
        fill(page, dice.pick(fact.relation().templates(subject ? "R" : "Q")), fact, terms(fact, dice));
        page.line().plain("Answer: ");
        answer(page, fact, subject);
        page.tell(key(fact));
    }

    /** The same within a line: question, then a short sentence. */
    void chat(Page page, Fact fact, Dice dice) {
        page.gap().capital();
        fill(page, dice.pick(fact.relation().templates("Q")), fact, terms(fact, dice));
        page.gap().capital();
        answer(page, fact, false);
        page.plain(".");
        page.tell(key(fact));
    }

    /**
     * A yes/no question about the fact, true or turned wrong: in a sentence, or with the answer put after the question. Some
     * answers name the right value behind the word.
     */
    void yesNo(Page page, Fact fact, boolean yes, Dice dice) {
        List<String> wrong = wrongValues(fact);
        if (wrong.isEmpty()) {
            return;
        }
        Map<String, Term> terms = terms(fact, dice);
        page.line().plain("Question: ");
        if (fact.relation().templates("Y").isEmpty() || dice.chance(0.35)) {
            page.capital();
            fill(page, dice.pick(fact.relation().templates("Q")), fact, terms);
            Fact asked = yes ? fact : dice.pick(wrongSubjects(fact));
            page.gap().capital().plain(answerText(asked, false)).plain("?");
        } else {
            if (!yes) {
                terms.put("o", Term.of(dice.pick(wrong)));
            }
            fill(page, dice.pick(fact.relation().templates("Y")), fact, terms);
            page.plain("?");
        }
        page.line().plain("Answer: ").of(kind(page, fact), yes ? "yes" : "no");
        if (dice.chance(NAMED)) {
            page.plain(", ");
            answer(page, fact, false);
            page.plain(".");
        }
        page.paragraph();
    }

    /** A question and a few answers that are tried: each is called right or wrong, and at most one is right. */
    void guess(Page page, Fact fact, Dice dice) {
        boolean subject = dice.chance(0.5) && !fact.relation().templates("R").isEmpty();
        String right = answerText(fact, subject);
        List<String> wrong = wrongSubjects(fact).stream()
                .map(other -> answerText(other, subject))
                .distinct()
                .toList();
        if (wrong.isEmpty()) {
            return;
        }
        List<String> tries = new ArrayList<>(dice.some(wrong, dice.from(1, 3)));
        if (dice.chance(0.65)) {
            tries.set(dice.below(tries.size()), right);
        }
        page.paragraph().plain("Question: ").capital();
        fill(page, dice.pick(fact.relation().templates(subject ? "R" : "Q")), fact, terms(fact, dice));
        page.line();
        for (String text : tries) {
            page.gap().capital().plain(text + "?").gap();
            page.of(kind(page, fact), text.equals(right) ? "Yes" : "No").plain(".");
        }
        page.paragraph();
    }

    /** Two subjects are named, then one of them turns out to be the one the fact is about. */
    boolean pair(Page page, Fact fact, Dice dice) {
        List<Fact> others = wrongSubjects(fact);
        if (fact.relation().templates("W").isEmpty() || others.isEmpty()) {
            return false;
        }
        Map<String, Term> terms = terms(fact, dice);
        Term other = Term.of(dice.pick(others).subject());
        boolean first = dice.chance(0.5);
        terms.put("1", first ? Term.of(fact.subject()) : other);
        terms.put("2", first ? other : Term.of(fact.subject()));
        page.gap().capital();
        fill(page, dice.pick(fact.relation().templates("W")), fact, terms);
        page.tell(key(fact));
        return true;
    }

    /** What to do to reach a goal. */
    boolean advise(Page page, Fact fact, boolean asQuestion, Dice dice) {
        List<String> templates = fact.relation().templates("P");
        if (templates.isEmpty()) {
            return false;
        }
        String[] part = dice.pick(templates).split("\\|");
        Map<String, Term> terms = terms(fact, dice);
        if (asQuestion) {
            page.paragraph().plain("Question: ");
        } else {
            page.gap();
        }
        page.capital();
        fill(page, part[0], fact, terms);
        if (asQuestion) {
            page.line().plain("Answer: ");
        } else {
            page.gap();
        }
        if (asQuestion || !part[0].endsWith(",")) {
            page.capital();
        }
        fill(page, part[1], fact, terms);
        page.tell(key(fact));
        return true;
    }

    /** The answer alone: the value or the subject. */
    void answer(Page page, Fact fact, boolean subject) {
        String form = subject ? fact.relation().subjectForm() : fact.relation().valueForm();
        Map<String, Term> terms = new LinkedHashMap<>();
        terms.put("s", Term.of(fact.subject()));
        terms.put("o", Term.of(fact.value()));
        Slots.fill(form, terms, page::plain, (key, words) -> page.of(kind(page, fact), words));
    }

    private static String answerText(Fact fact, boolean subject) {
        String form = subject ? fact.relation().subjectForm() : fact.relation().valueForm();
        Map<String, Term> terms = Map.of("s", Term.of(fact.subject()), "o", Term.of(fact.value()));
        StringBuilder text = new StringBuilder();
        Slots.fill(form, terms, text::append, (key, words) -> text.append(words));
        return text.toString();
    }

    private Map<String, Term> terms(Fact fact, Dice dice) {
        Map<String, Term> terms = new LinkedHashMap<>();
        terms.put("s", Term.of(fact.subject()));
        terms.put("o", Term.of(fact.value()));
        List<String> wrong = wrongValues(fact);
        Optional.of(wrong).filter(w -> !w.isEmpty()).ifPresent(w -> terms.put("x", Term.of(dice.pick(w))));
        return terms;
    }

    /** The slot that comes second of subject and value is the one that knowledge predicts. */
    private void fill(Page page, String template, Fact fact, Map<String, Term> terms) {
        boolean[] seen = new boolean[2];
        Slots.fill(template, terms, page::plain, (key, words) -> {
            boolean subject = key.equals("s");
            boolean value = key.equals("o");
            if ((subject && seen[1] && !seen[0]) || (value && seen[0] && !seen[1])) {
                page.of(kind(page, fact), words);
            } else if (fact.subject().isNamed() && !value && !key.equals("x")) {
                page.of(seen[0] ? TokenKind.COPIED : TokenKind.NAME, words);
            } else {
                page.plain(words);
            }
            seen[0] |= subject;
            seen[1] |= value;
        });
    }

    private static TokenKind kind(Page page, Fact fact) {
        return page.isTold(key(fact)) ? TokenKind.COPIED : TokenKind.FACT;
    }

    private static String key(Fact fact) {
        return fact.relation().name() + "/" + fact.subject().name();
    }
}
