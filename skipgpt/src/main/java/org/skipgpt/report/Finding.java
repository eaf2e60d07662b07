package org.skipgpt.report;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * What an analysis found: a short table, a picture, all numbers, and where they come from.
 *
 * <pre>{@code
 * var found = redundancy(model, "Once upon a time");
 * found.save(Path.of("figure2.png"));
 * found.save(Path.of("figure2.csv"));
 * }</pre>
 */
public interface Finding extends Report {
    /** The numbers worth reading. */
    TextTable table();

    /** Every number, all digits kept; the table itself where it has them all. */
    default TextTable data() {
        return table();
    }

    /** The picture. */
    Figure figure();

    /** What it was made from and on. */
    Provenance provenance();

    @Override
    default String text() {
        return table().text();
    }

    @Override
    default Optional<byte[]> png() {
        return figure().png();
    }

    @Override
    default Optional<String> svg() {
        return figure().svg();
    }

    @Override
    default Optional<String> html() {
        return figure().html();
    }

    /**
     * Saves the picture (png, svg, html) or every number (csv, json, md, tex, txt) as the name's ending says, and the
     * provenance beside it.
     *
     * @throws IllegalArgumentException if the ending is another one
     */
    default void save(Path file) {
        String name = file.toString();
        String ending = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        if (Set.of("png", "svg", "html").contains(ending)) {
            figure().save(file);
        } else {
            TableData.save(data(), file, "png, svg, html, ");
        }
        provenance().saveBeside(file);
    }
}
