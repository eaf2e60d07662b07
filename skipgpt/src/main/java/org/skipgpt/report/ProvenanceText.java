package org.skipgpt.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Provenance in a few lines. */
final class ProvenanceText {
    private static final int WIDTH = 100;
    private static final int CONFIG_LINES = 12;
    private static final int LABEL = 9;

    private ProvenanceText() {}

    static String of(Provenance origin) {
        List<String> out = new ArrayList<>();
        add(out, "config", wrap(origin.config()));
        add(
                out,
                "seed",
                origin.seed().isPresent() ? String.valueOf(origin.seed().getAsLong()) : "");
        add(out, "model", named(origin.model(), origin.modelHash()));
        add(out, "data", named(origin.data(), origin.dataHash()));
        String threads =
                origin.threads() > 0 ? origin.threads() + (origin.threads() == 1 ? " thread" : " threads") : "";
        add(out, "device", joined(origin.device(), origin.dtype(), threads));
        add(out, "cpu", origin.cpu());
        add(
                out,
                "versions",
                wrap(origin.versions().entrySet().stream()
                        .map(entry -> entry.getKey() + " " + entry.getValue())
                        .collect(Collectors.joining(" · "))));
        add(out, "took", Double.isNaN(origin.seconds()) ? "" : String.format(Locale.ROOT, "%.1f s", origin.seconds()));
        return String.join("\n", out);
    }

    private static void add(List<String> out, String label, String value) {
        if (!value.isBlank()) {
            String indent = "\n" + " ".repeat(LABEL);
            out.add(label + " ".repeat(LABEL - label.length()) + value.replace("\n", indent));
        }
    }

    private static String named(String name, String hash) {
        return joined(name, hash.isEmpty() ? "" : "sha256 " + hash.substring(0, Math.min(12, hash.length())) + "…");
    }

    private static String joined(String... parts) {
        return List.of(parts).stream().filter(part -> !part.isEmpty()).collect(Collectors.joining(" · "));
    }

    private static String wrap(String text) {
        List<String> lines = new ArrayList<>();
        for (String line : text.split("\\R", -1)) {
            String rest = line.stripTrailing();
            while (rest.length() > WIDTH - LABEL) {
                int cut = rest.lastIndexOf(' ', WIDTH - LABEL);
                cut = cut <= 0 ? WIDTH - LABEL : cut;
                lines.add(rest.substring(0, cut));
                rest = rest.substring(cut).stripLeading();
            }
            lines.add(rest);
        }
        int more = lines.size() - CONFIG_LINES;
        List<String> shown = more <= 0 ? lines : new ArrayList<>(lines.subList(0, CONFIG_LINES - 1));
        if (more > 0) {
            shown.add("… " + (more + 1) + " more lines");
        }
        return String.join("\n", shown);
    }
}
