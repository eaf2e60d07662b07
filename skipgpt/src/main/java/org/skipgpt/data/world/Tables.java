package org.skipgpt.data.world;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

/** Reads the hand-written word lists. */
final class Tables {
    private Tables() {}

    /** Lines of a list, without comments and empty lines. */
    static List<String> lines(String name) {
        try (InputStream in = Tables.class.getResourceAsStream(name + ".txt")) {
            if (in == null) {
                throw new IllegalStateException("no word list " + name + " on the class path; rebuild the library");
            }
            return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Cells of a table: the first row names the columns. */
    static List<List<String>> rows(String name) {
        return lines(name).stream().map(line -> list(line, "\\|")).toList();
    }

    static List<String> list(String text, String separator) {
        return Stream.of(text.split(separator)).map(String::strip).toList();
    }
}
