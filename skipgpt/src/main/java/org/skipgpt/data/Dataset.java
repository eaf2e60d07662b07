package org.skipgpt.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.skipgpt.report.Report;

/**
 * A data set of the manifest: where it officially is, and under which licence.
 *
 * @param name its short name, also the name of its folder
 * @param title its full name
 * @param source its official page
 * @param licence the licence's name, to be accepted word for word
 * @param licenceUrl the licence's text
 * @param use what the paper or this library uses it for
 * @param note what a user should know; may be empty
 * @param files its files
 */
public record Dataset(
        String name,
        String title,
        String source,
        String licence,
        String licenceUrl,
        String use,
        String note,
        List<DataFile> files)
        implements Report {
    private static final int FILES_SHOWN = 12;

    /** Copies the files. */
    public Dataset {
        files = List.copyOf(files);
    }

    @Override
    public String text() {
        List<String> out = new ArrayList<>();
        out.add(name + ": " + title);
        out.add("  licence  " + licence);
        out.add("           " + licenceUrl);
        out.add("  source   " + source);
        out.add("  for      " + use);
        if (!note.isEmpty()) {
            out.add("  note     " + note);
        }
        for (int i = 0; i < Math.min(files.size(), FILES_SHOWN); i++) {
            DataFile file = files.get(i);
            String size = file.bytes().isPresent()
                    ? String.format(Locale.ROOT, "%.1f MB", file.bytes().getAsLong() / 1e6)
                    : "size unknown";
            out.add("  file     " + file.path() + " · " + (file.url().isPresent() ? size : "your own copy"));
        }
        if (files.size() > FILES_SHOWN) {
            out.add("  … " + (files.size() - FILES_SHOWN) + " more files");
        }
        return String.join("\n", out);
    }

    @Override
    public String toString() {
        return text();
    }
}
