package org.skipgpt.eval;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Knows the files of the embedded world, wherever they lie: their made-up questions and texts bear the names of the
 * published data sets, and no number of theirs may pass for one of those.
 */
final class WorldData {
    /** What results call these files. */
    static final String NAME = "embedded world (made up)";

    private static final Set<String> HASHES = hashes();

    private WorldData() {}

    private static Set<String> hashes() {
        try (InputStream in = WorldData.class.getResourceAsStream("embedded-world.sha256")) {
            if (in == null) {
                throw new TaskException("the list of the embedded world's files is missing in this build");
            }
            return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))
                    .lines()
                    .map(line -> line.substring(0, line.indexOf(' ')))
                    .collect(Collectors.toUnmodifiableSet());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether a file of this fingerprint is one of them. */
    static boolean has(String sha256) {
        return HASHES.contains(sha256);
    }

    /** What follows a task's or text's name where its file is one of them; else nothing. */
    static String mark(String sha256) {
        return has(sha256) ? " of the " + NAME : "";
    }
}
