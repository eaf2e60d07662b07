package org.skipgpt;

import java.util.List;

/**
 * A command line of {@code name=value}, each name once or more, the last counting.
 *
 * @param given what was typed
 * @param names what may be named
 * @param usage what is told beside an argument that is not known
 */
record NamedArguments(List<String> given, List<String> names, String usage) {
    /** Refuses what is not known. */
    NamedArguments {
        for (String one : given) {
            if (!isNamed(one, names) && !one.equals("help")) {
                throw new IllegalArgumentException("argument \"" + one + "\" is not known\n" + usage);
            }
        }
    }

    static boolean isNamed(String one, List<String> names) {
        return one.contains("=") && names.contains(one.substring(0, one.indexOf('=')));
    }

    /** Whether help is asked for. */
    boolean asksForHelp() {
        return given.contains("help");
    }

    /** What a name was given; otherwise where it was not, or blank. */
    String of(String name, String otherwise) {
        return given.stream()
                .filter(one -> one.startsWith(name + "="))
                .map(one -> one.substring(name.length() + 1))
                .reduce((a, b) -> b)
                .filter(value -> !value.isBlank())
                .orElse(otherwise);
    }
}
