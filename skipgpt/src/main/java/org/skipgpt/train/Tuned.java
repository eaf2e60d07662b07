package org.skipgpt.train;

import java.util.Locale;
import java.util.Optional;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.plot.LinePlot;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.Budget;
import org.skipgpt.route.SparsityReport;

/**
 * What a tuning made.
 *
 * @param method SkipGPT-RT, SkipGPT-RT-L, SkipGPT-Joint, Dense+LoRA, MoD, MoD-D or D-LLM
 * @param model the tuned model, a view over the base's weights; routers decide without noise
 * @param run steps, log, wall time
 * @param sparsity realised skipping on the documents kept back
 * @param budget what the routers were tuned for; empty where none learned
 * @param lora the adapter's form; empty where there is none
 * @param provenance what it was made from
 */
public record Tuned(
        String method,
        LanguageModel model,
        TrainingRun run,
        SparsityReport sparsity,
        Optional<Budget> budget,
        Optional<LoraConfig> lora,
        Provenance provenance)
        implements Report {
    /** The log, a row a step. */
    public TextTable log() {
        return run.log().table(method);
    }

    /** Columns of the log over the steps, e.g. {@code curve("LM loss", "held-out loss")}. */
    public LinePlot curve(String... columns) {
        return TrainingCurves.of(method, run).titled(method, columns);
    }

    @Override
    public String text() {
        String target = budget.map(b -> String.format(Locale.ROOT, " · target %.1f %%", 100 * b.target()))
                .orElse("");
        String costs = budget.filter(b -> !b.costs().isEmpty())
                .map(b -> String.format(
                        Locale.ROOT, "\nof the costs given skipped: %.1f %%", 100 * sparsity.share(model.config(), b)))
                .orElse("");
        return method + target + "\n" + run.text() + "\n" + sparsity.text() + costs;
    }

    @Override
    public String toString() {
        return text();
    }
}
