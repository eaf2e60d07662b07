package org.skipgpt.data.world;

import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** Fills the slots of a template such as <code>{a.s} lives in {o}.</code> */
final class Slots {
    private Slots() {}

    /**
     * Hands out the template piece by piece.
     *
     * @param template text with slots: a key, or a form, a dot and a key
     * @param terms what stands for a key
     * @param plain takes the text between slots
     * @param slot takes the key and the words of a slot; pronouns go to {@code plain}
     */
    static void fill(
            String template, Map<String, Term> terms, Consumer<String> plain, BiConsumer<String, String> slot) {
        int at = 0;
        while (at < template.length()) {
            int open = template.indexOf('{', at);
            if (open < 0) {
                plain.accept(template.substring(at));
                return;
            }
            if (open > at) {
                plain.accept(template.substring(at, open));
            }
            int close = template.indexOf('}', open);
            String name = template.substring(open + 1, close);
            int dot = name.indexOf('.');
            String form = dot < 0 ? "" : name.substring(0, dot);
            String key = name.substring(dot + 1);
            Term term = terms.get(key);
            if (term == null) {
                throw new IllegalStateException("nothing to put into {" + name + "} of: " + template);
            }
            if (term.isPronoun(form)) {
                plain.accept(term.form(form));
            } else {
                slot.accept(key, term.form(form));
            }
            at = close + 1;
        }
    }
}
