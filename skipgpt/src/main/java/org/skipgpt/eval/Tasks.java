package org.skipgpt.eval;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The task descriptions that come with the library: the paper's seven and LAMBADA, each for the data set's own records
 * ({@code piqa}) and for records that are questions already ({@code piqa-queries}: query, choices, gold).
 */
public final class Tasks {
    /** The seven accuracy tasks in the order of the paper's tables. */
    public static final List<String> PAPER =
            List.of("openbookqa", "winogrande", "piqa", "hellaswag", "boolq", "arc_easy", "arc_challenge");

    private static final List<String> FORMS = List.of("", "-queries");

    private Tasks() {}

    /** The names of all descriptions. */
    public static List<String> names() {
        return java.util.stream.Stream.concat(PAPER.stream(), java.util.stream.Stream.of("lambada"))
                .flatMap(name -> FORMS.stream().map(form -> name + form))
                .toList();
    }

    /**
     * A description by its name.
     *
     * @throws TaskException if there is none; the message lists the names
     */
    public static TaskDescription named(String name) {
        if (!names().contains(name)) {
            throw new TaskException("task \"" + name + "\" is not known: use one of " + names()
                    + ", or read a description of your own with Tasks.open");
        }
        try (InputStream in = Tasks.class.getResourceAsStream("tasks/" + name + ".json")) {
            if (in == null) {
                throw new TaskException("the description of task \"" + name + "\" is missing in this build");
            }
            return TaskDescription.fromJson(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A description from a file of your own. */
    public static TaskDescription open(Path file) {
        try {
            return TaskDescription.fromJson(Files.readString(file));
        } catch (IOException e) {
            throw new TaskException(file + " cannot be read: " + e, e);
        } catch (TaskException e) {
            throw new TaskException(file + ": " + e.getMessage(), e);
        }
    }
}
