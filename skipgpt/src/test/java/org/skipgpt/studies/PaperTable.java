package org.skipgpt.studies;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.skipgpt.SkipGpt;
import org.skipgpt.eval.Comparison;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.Ranking;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.TextTable;
import org.skipgpt.report.WholeFile;
import org.skipgpt.tokens.TokenTexts;
import org.skipgpt.train.Tuned;

/** The main table on the embedded model: dense, two static rivals, SkipGPT-RT and RT-L at 25 % and 40 %. */
final class PaperTable {
    private static final int QUESTIONS = Integer.getInteger("questions", 300);

    private final LanguageModel dense;
    private final PaperModels models;
    private final ProgressObserver observer;

    PaperTable(LanguageModel dense, PaperModels models, ProgressObserver observer) {
        this.dense = dense;
        this.models = models;
        this.observer = observer;
    }

    void save(Path out) {
        List<Evaluation> rows = new ArrayList<>();
        rows.add(row("dense", dense));
        String text = String.join("\n", models.documents().subList(0, 100));
        List<int[]> calibration = TokenTexts.cut(dense.tokenizer(), text, 256);
        List<Ranking> rivals = List.of(
                Ranking.shortGpt(dense, calibration, Ranking.FinalNorm.INCLUDED, observer),
                Ranking.jointLayerDrop(dense, calibration, observer));
        for (double target : PaperModels.TABLE_TARGETS) {
            for (Ranking rival : rivals) {
                var plan = rival.plan(target);
                rows.add(row(plan.method(), plan.applyTo(dense)));
            }
            rows.add(row(models.routers(target)));
            rows.add(row(models.both(target)));
        }
        TextTable table = Comparison.of(rows.toArray(Evaluation[]::new)).table();
        System.out.println(table.fullText());
        WholeFile.write(out.resolve("table.md"), table.markdown() + "\n");
        WholeFile.write(out.resolve("table.csv"), table.csv());
    }

    private Evaluation row(Tuned tuned) {
        return row(tuned.method(), tuned.model());
    }

    private Evaluation row(String method, LanguageModel model) {
        Evaluation found =
                SkipGpt.evaluate(model, List.of(), EvaluationOptions.defaults().withFirst(QUESTIONS), observer);
        return new Evaluation(
                method,
                found.preset(),
                found.ratio(),
                found.tasks(),
                found.perplexities(),
                found.isComplete(),
                found.provenance());
    }
}
