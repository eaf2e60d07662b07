package org.skipgpt.studies;

import java.util.Arrays;
import java.util.List;

/** {@code name=value} among a study's arguments. */
record StudyArguments(List<String> all) {
    static StudyArguments of(String... arguments) {
        return new StudyArguments(Arrays.asList(arguments));
    }

    int number(String name, int otherwise) {
        return Integer.parseInt(text(name, Integer.toString(otherwise)));
    }

    double real(String name, double otherwise) {
        return Double.parseDouble(text(name, Double.toString(otherwise)));
    }

    long[] seeds() {
        return Arrays.stream(text("seeds", "1,2,3").split(","))
                .mapToLong(Long::parseLong)
                .toArray();
    }

    String text(String name, String otherwise) {
        return all.stream()
                .filter(argument -> argument.startsWith(name + "="))
                .map(argument -> argument.substring(name.length() + 1))
                .findFirst()
                .orElse(otherwise);
    }
}
