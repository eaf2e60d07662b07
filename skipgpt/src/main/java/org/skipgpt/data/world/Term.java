package org.skipgpt.data.world;

import java.util.List;

/** A word or group of words that fills a slot of a template, with its forms. */
record Term(String text, String plural, boolean named, boolean mass, String pronoun) {

    static Term of(Entity entity) {
        boolean mass = List.of("materials", "causes", "howto", "opposites").contains(entity.table());
        return new Term(entity.name(), entity.plural(), entity.isNamed(), mass, entity.pronoun());
    }

    static Term of(String value) {
        return new Term(value, value, false, false, "it");
    }

    /** The form asked for: empty, a, pl, he, his or him. */
    String form(String form) {
        boolean she = pronoun.equals("she");
        return switch (form) {
            case "" -> text;
            case "a" -> named || mass ? text : article(text);
            case "pl" -> plural;
            case "he" -> pronoun;
            case "his" -> pronoun.equals("it") ? "its" : she ? "her" : "his";
            case "him" -> pronoun.equals("it") ? "it" : she ? "her" : "him";
            default -> throw new IllegalStateException("form " + form + " is not known: use a, pl, he, his or him");
        };
    }

    boolean isPronoun(String form) {
        return form.startsWith("h");
    }

    private static String article(String word) {
        return ("aeiou".indexOf(word.charAt(0)) >= 0 ? "an " : "a ") + word;
    }
}
