package org.skipgpt.report;

import java.nio.file.Path;
import java.util.Locale;

/**
 * A picture of results that can also be read as numbers.
 *
 * <p>The same figure always gives the same bytes on one machine.
 */
public interface Figure extends Report {
    /** The line over the picture. */
    String title();

    /** Every number of the picture, all digits kept. */
    TextTable data();

    /**
     * Saves the picture or its numbers; the name's ending says which: png, svg, html, csv, json, md, tex or txt.
     *
     * @throws IllegalArgumentException if the ending is another one
     */
    default void save(Path file) {
        String name = file.toString();
        String ending = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        switch (ending) {
            case "png" -> WholeFile.write(file, png().orElseThrow(() -> without(file)));
            case "svg" -> WholeFile.write(file, svg().orElseThrow(() -> without(file)));
            case "html" -> WholeFile.write(file, page());
            default -> TableData.save(data(), file, "png, svg, html, ");
        }
    }

    private String page() {
        String body = html().or(this::svg).orElse("<pre>" + Html.escape(text()) + "</pre>");
        return "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + Html.escape(title())
                + "</title></head><body>\n" + body + "\n</body></html>\n";
    }

    private IllegalArgumentException without(Path file) {
        return new IllegalArgumentException("figure \"" + title() + "\" cannot be saved as " + file.getFileName()
                + ": it has no such picture; use another ending of png, svg, html, csv, json, md, tex or txt");
    }
}
