package org.skipgpt.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import org.skipgpt.io.HubCache;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Budget;
import org.skipgpt.route.SparsityReport;

/**
 * The page that people read beside a tuned folder: what it is, over which base, from which text and settings, what it skips
 * and what was measured; {@code README.md} with the front matter that model hubs read.
 *
 * @param model what was saved
 * @param method how it was tuned; empty where unknown
 * @param budget what the routers were tuned for; empty where unknown
 * @param provenance what it was made from
 * @param sparsity realised skipping on documents kept back; empty where not measured
 * @param results one line for each further number
 */
record ModelCard(
        LanguageModel model,
        String method,
        Optional<Budget> budget,
        Provenance provenance,
        Optional<SparsityReport> sparsity,
        List<String> results) {
    /** The name of its file. */
    static final String FILE = "README.md";

    /** What is known of a model saved by hand. */
    static ModelCard of(LanguageModel model, Optional<Budget> budget, Provenance provenance) {
        return new ModelCard(model, "", budget, provenance, Optional.empty(), List.of());
    }

    /** With all that its tuning measured. */
    static ModelCard of(Tuned tuned) {
        List<String> results = new ArrayList<>();
        for (String column : List.of("held-out loss", "held-out r", "LM loss", "KL to dense")) {
            last(tuned.run().log(), column)
                    .ifPresent(value -> results.add(
                            String.format(Locale.ROOT, "%s at the last step it was measured: %.4f", column, value)));
        }
        results.add(String.format(
                Locale.ROOT,
                "%d steps in %.0f s",
                tuned.run().steps(),
                tuned.run().seconds()));
        return new ModelCard(
                tuned.model(),
                tuned.method(),
                tuned.budget(),
                tuned.provenance(),
                Optional.of(tuned.sparsity()),
                results);
    }

    private static OptionalDouble last(TrainingLog log, String column) {
        if (!log.columns().contains(column)) {
            return OptionalDouble.empty();
        }
        OptionalDouble found = OptionalDouble.empty();
        for (double value : log.column(column)) {
            found = Double.isNaN(value) ? found : OptionalDouble.of(value);
        }
        return found;
    }

    /** The page. */
    String text() {
        StringBuilder page =
                new StringBuilder("---\nlibrary_name: skipgpt\ntags:\n- skipgpt\n- dynamic-layer-pruning\n");
        // A hub knows bases by their names there; another base is named below.
        if (HubCache.isName(model.name())) {
            page.append("base_model: ").append(model.name()).append('\n');
        }
        page.append("---\n\n# ")
                .append(method.isEmpty() ? "SkipGPT" : method)
                .append(" over ")
                .append(model.name())
                .append("\n\nNot a model of its own: it holds ")
                .append(model.policy().describe())
                .append(model.adapter().isPresent() ? " and a LoRA adapter" : "")
                .append(" for the base `")
                .append(model.name())
                .append("`, whose weights (sha256 `")
                .append(model.hash())
                .append("`) stay as they are. Tokens skip the modules that the routers tell them to.\n\n")
                .append("```java\nimport static org.skipgpt.SkipGpt.*;\n\nvar base = load(\"")
                .append(model.name())
                .append("\");\nvar model = loadSkipGpt(\"this folder, or its name on a hub\", base);\n```\n");
        budget.ifPresent(b -> page.append(
                String.format(Locale.ROOT, "%n## Budget%n%n%.1f %% of %s to skip.%n", 100 * b.target(), b.counted())));
        sparsity.ifPresent(s -> section(page, "Realised on the documents kept back", s.text()));
        if (!results.isEmpty()) {
            page.append("\n## Results\n\n");
            results.forEach(line -> page.append("- ").append(line).append('\n'));
        }
        section(page, "Made from", provenance.text());
        section(page, "Settings", provenance.config());
        return page.toString().replace("\r", "");
    }

    private static void section(StringBuilder page, String title, String text) {
        page.append("\n## ")
                .append(title)
                .append("\n\n```\n")
                .append(text.strip())
                .append("\n```\n");
    }
}
