package org.skipgpt.studies;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.skipgpt.SkipGpt;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.TextUnit;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.eval.Perplexity;
import org.skipgpt.eval.PerplexityOptions;
import org.skipgpt.eval.Tasks;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.ApproximatorFit;
import org.skipgpt.route.Budget;
import org.skipgpt.route.Controller;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.shape.Projection;
import org.skipgpt.train.LearningRate;
import org.skipgpt.train.RouterFit;
import org.skipgpt.train.RouterTuningConfig;
import org.skipgpt.train.TargetSchedule;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.TuningOptions;

/**
 * One row of docs/recipe.md: tunes routers with the practical recipe, some of it changed, and prints perplexity beside what is
 * really skipped on the same text.
 *
 * <p>{@code java -cp "$CP" org.skipgpt.studies.RecipeStudy MODEL TEXTS HELD-OUT-TEXT key=value...}; TEXTS are files or folders,
 * separated by commas, whose paragraphs of at least 300 characters are the documents, drawn from each in turn. Keys: target,
 * steps, rows, length (most tokens of a row), packed (documents joined into full rows), rate, ramp, noise (start:end), distill, start (plan, dense), margin, scale, norm, controller (absolute, integral), alpha, seed,
 * dtype (fp32, bf16), lora (steps of stage 2), loraRank (16, on q, v and gate; with loraAll on all seven projections), loraDropout, loraRate, joint (an adapter learns beside the routers in stage 1), loraDistill, keep (false: stage 2 lets the share drift), begin (a folder of routers that stage 1 goes on with), from (a folder of routers in place of
 * stage 1), range (low:high, shares that the routers learn to serve), dial (a share that thresholds are turned to at the end, on the next dialChars characters behind those measured, 20,000), method (routers, shortgpt,
 * joint, dense), fit (tokens that fresh routers are fitted on before they learn), chars of the held-out text, save (a folder), questions (of each of
 * the paper's seven tasks, none unless said) and data (their folder), approximate (rank of maps that skipped rows go through, none
 * unless said; routers learn over maps that were fitted where a quarter of all runs, drawn at random, was left out; those of a
 * plan, or of routers that are loaded, are fitted where these skip). What is not said is as in TuningOptions.practical().
 */
public final class RecipeStudy {
    private static final int SHORTEST = 300;

    private final Map<String, String> settings;

    private RecipeStudy(Map<String, String> settings) {
        this.settings = settings;
    }

    /** Runs one row. */
    public static void main(String[] args) throws IOException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (int i = 3; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair.length == 2 ? pair[1] : "true");
        }
        SkipGpt.workspace("cpu", settings.getOrDefault("dtype", "fp32"));
        new RecipeStudy(settings).run(SkipGpt.load(args[0]), List.of(args[1].split(",")), Path.of(args[2]));
        System.exit(0);
    }

    private void run(LanguageModel dense, List<String> texts, Path held) throws IOException {
        List<String> documents = documents(texts);
        String text = Files.readString(held);
        Path head = Files.createTempFile("held-out", ".txt");
        try {
            Files.writeString(head, text.substring(0, (int) Math.min(text.length(), number("chars", 110_000))));
            long start = System.nanoTime();
            LanguageModel model = dialled(made(dense, documents), text);
            double seconds = (System.nanoTime() - start) / 1e9;
            Perplexity found = SkipGpt.perplexity(
                    model, head.toString(), PerplexityOptions.wikitext2().withWindow(512), ProgressObserver.silent());
            System.out.println(settings + String.format(Locale.ROOT, " · %.0f s%n", seconds) + found);
            int[] ids = model.tokenizer().encode(Files.readString(head));
            int[][] windows = Stream.iterate(0, at -> at + 512 <= ids.length, at -> at + 512)
                    .limit(16)
                    .map(at -> Arrays.copyOfRange(ids, at, at + 512))
                    .toArray(int[][]::new);
            System.out.println(SparsityReport.of(model, windows).text());
            if (settings.containsKey("questions")) {
                answer(model);
            }
        } finally {
            Files.delete(head);
        }
    }

    private void answer(LanguageModel model) {
        EvaluationOptions options = EvaluationOptions.defaults()
                .withData(Path.of(settings.getOrDefault("data", "data")))
                .withFirst((int) number("questions", 100));
        System.out.println(SkipGpt.evaluate(model, Tasks.PAPER, options, new Lines())
                .table()
                .fullText());
    }

    private LanguageModel made(LanguageModel dense, List<String> documents) {
        String calibration = calibration(documents);
        double target = number("target", 0.25);
        switch (settings.getOrDefault("method", "routers")) {
            case "dense":
                return dense;
            case "shortgpt":
                return dropped(dense, SkipGpt.shortGpt(dense, List.of(calibration), target), documents);
            case "joint":
                return dropped(dense, SkipGpt.jointLayerDrop(dense, List.of(calibration), target), documents);
            default:
                return healed(routed(dense, target, documents), documents);
        }
    }

    private static String calibration(List<String> documents) {
        return String.join("\n", documents.subList(0, Math.min(60, documents.size())));
    }

    private LanguageModel routed(LanguageModel dense, double target, List<String> documents) {
        if (settings.containsKey("from")) {
            LanguageModel loaded = SkipGpt.loadSkipGpt(settings.getOrDefault("from", ""), dense);
            return settings.containsKey("approximate") ? approximated(loaded, documents) : loaded;
        }
        LanguageModel begun = dense;
        if (settings.containsKey("begin")) {
            begun = SkipGpt.loadSkipGpt(settings.getOrDefault("begin", ""), dense);
        } else if (settings.containsKey("approximate")) {
            LayerPolicy left = ForcedPolicy.uniform(0.25, dense.config().layers(), 1);
            LanguageModel mapped = approximated(dense.withPolicy(left), documents);
            begun = mapped.withPolicy(mapped.policy().withCore(LayerPolicy.dense()));
        } else if (settings.containsKey("fit")) {
            RouterFit fit = RouterFit.defaults().withTokens((int) number("fit", 4096), (int) number("length", 128));
            begun = SkipGpt.fitRouters(dense, documents, target, fit, new Lines());
        }
        if (number("steps", 300) == 0) {
            return begun;
        }
        Tuned tuned = settings.containsKey("joint")
                ? SkipGpt.tuneJoint(begun, documents, target, jointly(), new Lines())
                : SkipGpt.tuneRouters(begun, documents, target, options(), new Lines());
        saved(tuned, "");
        columns(tuned);
        return tuned.model();
    }

    private TuningOptions jointly() {
        TuningOptions base = options();
        return base.withJointLora(adapter(base.jointLora()))
                .withLoraRate(
                        LearningRate.cosine(number("loraRate", base.loraRate().peak()), 0.1));
    }

    private LanguageModel healed(LanguageModel routed, List<String> documents) {
        if (!settings.containsKey("lora")) {
            return routed;
        }
        Tuned tuned = SkipGpt.tuneLora(routed, documents, healing(), new Lines());
        saved(tuned, "-lora");
        return tuned.model();
    }

    // On text of the same kind behind what is measured: routers skip less where a text looks unlike what they learned
    // from.
    private LanguageModel dialled(LanguageModel model, String text) {
        if (!settings.containsKey("dial")) {
            return model;
        }
        double share = number("dial", 0);
        int from = (int) number("chars", 110_000);
        List<String> sample = List.of(text.substring(from, from + (int) number("dialChars", 20_000)));
        return SkipGpt.budgetDial(model, Budget.Kind.PARAMS, sample, share).set(model, share);
    }

    // What the loss is made of, which a line of progress does not say.
    private static void columns(Tuned tuned) {
        List<String> names = List.of("LM loss", "KL to dense", "penalty", "r", "s_attn", "s_mlp");
        System.out.println("step | " + String.join(" | ", names) + " (means of 20 steps)");
        for (int to = 20; to <= tuned.run().steps(); to += 20) {
            StringBuilder line = new StringBuilder().append(to);
            for (String name : names) {
                double[] column = tuned.run().log().column(name);
                double mean = Arrays.stream(column, to - 20, to).average().orElse(Double.NaN);
                line.append(String.format(Locale.ROOT, " | %.3f", mean));
            }
            System.out.println(line);
        }
    }

    private void saved(Tuned tuned, String ending) {
        if (settings.containsKey("save")) {
            SkipGpt.save(tuned, settings.getOrDefault("save", "") + ending);
        }
    }

    private LanguageModel approximated(LanguageModel skipping, List<String> documents) {
        ApproximatorFit fit =
                ApproximatorFit.of((int) number("approximate", 32)).withTokens(8192);
        return SkipGpt.approximate(skipping, documents.subList(0, Math.min(100, documents.size())), fit, new Lines());
    }

    private LanguageModel dropped(LanguageModel dense, DropPlan plan, List<String> documents) {
        LanguageModel whole = SkipGpt.drop(dense, plan);
        LanguageModel pruned = settings.containsKey("approximate") ? approximated(whole, documents) : whole;
        if (!settings.containsKey("lora")) {
            return pruned;
        }
        Tuned recovered = SkipGpt.recover(pruned, documents, healing(), new Lines());
        saved(recovered, "");
        return recovered.model();
    }

    private TuningOptions healing() {
        TuningOptions base = options();
        return base.withSteps((long) number("lora", 150))
                .withBatch((int) number("loraRows", 2), (int) number("length", 128))
                .withKeptShare(Boolean.parseBoolean(settings.getOrDefault("keep", "true")))
                .withLora(adapter(base.lora()))
                .withLoraRate(
                        LearningRate.cosine(number("loraRate", base.loraRate().peak()), 0.1))
                .withRouting(base.routing().withDistill(number("loraDistill", 1)));
    }

    // The scale alpha / rank stays 2, so that another rank is no other rate.
    private LoraConfig adapter(LoraConfig base) {
        int rank = (int) number("loraRank", base.rank());
        LoraConfig form = new LoraConfig(rank, 2.0 * rank, number("loraDropout", base.dropout()), base.targets());
        return settings.containsKey("loraAll") ? form.withTargets(Projection.values()) : form;
    }

    private TuningOptions options() {
        TuningOptions base = settings.getOrDefault("start", "plan").equals("dense")
                ? TuningOptions.practical().withDenseStart()
                : TuningOptions.practical();
        String[] noise = settings.getOrDefault("noise", "1:0").split(":");
        boolean absolute = settings.getOrDefault("controller", "integral").equals("absolute");
        Budget budget = base.routing()
                .budget()
                .withAlpha(number("alpha", 8))
                .withController(absolute ? Controller.absolute() : Controller.integral());
        double ramp = number("ramp", 0);
        TargetSchedule schedule =
                ramp > 0 ? new TargetSchedule.Ramp(ramp) : base.routing().schedule();
        if (settings.containsKey("range")) {
            String[] ends = settings.getOrDefault("range", "").split(":");
            schedule = TargetSchedule.range(Double.parseDouble(ends[0]), Double.parseDouble(ends[1]));
        }
        RouterTuningConfig routing = base.routing()
                .withBudget(budget)
                .withDistill(number("distill", 1))
                .withNoise(Double.parseDouble(noise[0]), Double.parseDouble(noise[1]))
                .withSchedule(schedule);
        return base.withRouting(routing)
                .withSteps((long) number("steps", 300))
                .withSeed((long) number("seed", 43))
                .withPacked(Boolean.parseBoolean(settings.getOrDefault("packed", "false")))
                .withBatch((int) number("rows", 2), (int) number("length", 128))
                .withRouterRate(
                        LearningRate.cosine(number("rate", base.loop().rate().peak()), 0.05))
                .withStart(base.start().withMargin(number("margin", 3)).withScale(number("scale", 0.02)))
                .withRouter(RouterConfig.defaults()
                        .withNorm(RouterConfig.Norm.valueOf(settings.getOrDefault("norm", "RMS"))));
    }

    private double number(String key, double otherwise) {
        return Double.parseDouble(settings.getOrDefault(key, String.valueOf(otherwise)));
    }

    private List<String> documents(List<String> texts) {
        List<List<String>> sources =
                texts.stream().map(Path::of).map(this::paragraphs).toList();
        List<String> documents = new ArrayList<>();
        int most = sources.stream().mapToInt(List::size).max().orElse(0);
        for (int i = 0; i < most && documents.size() < 4000; i++) {
            for (List<String> source : sources) {
                documents.add(source.get(i % source.size()));
            }
        }
        return documents;
    }

    private List<String> paragraphs(Path texts) {
        List<String> paragraphs = new ArrayList<>();
        try (Stream<String> all =
                TextFiles.of(texts).withUnit(TextUnit.PARAGRAPH).open()) {
            all.map(p -> p.replaceAll("\\s+", " ").strip())
                    .filter(p -> p.length() >= SHORTEST)
                    .forEach(paragraphs::add);
        }
        if (paragraphs.isEmpty()) {
            throw new IllegalArgumentException(texts + " has no paragraph of " + SHORTEST + " characters");
        }
        Collections.shuffle(paragraphs, new Random((long) number("seed", 43)));
        return paragraphs;
    }

    /** Every tenth step on a line. */
    private static final class Lines implements ProgressObserver {
        @Override
        public void progress(org.skipgpt.report.Progress progress) {
            if (progress.done() % 10 == 0) {
                System.out.println(progress.task() + " " + progress.done() + " · " + progress.note());
            }
        }
    }
}
