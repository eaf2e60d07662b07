package org.skipgpt.studies;

import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.data.world.World;
import org.skipgpt.data.world.WorldText;
import org.skipgpt.eval.Perplexity;
import org.skipgpt.eval.PerplexityOptions;
import org.skipgpt.eval.Scorer;
import org.skipgpt.eval.TaskData;
import org.skipgpt.eval.Tasks;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Column;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.Measured;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.TextTable;
import org.skipgpt.route.SparsityReport;
import org.skipgpt.train.SkipGptFolder;
import org.skipgpt.train.Tuned;
import org.skipgpt.train.Tuning;
import org.skipgpt.train.TuningOptions;

/**
 * Every method of the paper's Table 1 that learns, on the embedded model: dense, Dense+LoRA, SkipGPT-RT, RT-L and Joint,
 * at several shares to skip and seeds; seven tasks, two perplexities, realised rates, time. Joint tuning gets the steps of both
 * stages.
 *
 * <p>Arguments: model, work folder, targets (0.25,0.4), seeds (1,2,3), steps of each stage,
 * how many questions of each task are asked (0 for all), and which methods are run (all where nothing is said; RT-L needs
 * RT). A cell whose result lies in the work folder is not run again, and one that was stopped continues, so that
 * processes with work folders of their own can share the cells and one more run over all of them writes the table. It goes
 * to {@code table.md} there. The environment's {@code SKIPGPT_DEVICE} names the device, cpu where nothing is said.
 */
public final class TuningStudy {
    private static final Path WORLD = Path.of(System.getProperty("skipgpt.root", ".."), "datasets", "world");

    private static final List<String> METHODS =
            List.of("dense", "Dense+LoRA", "SkipGPT-RT", "SkipGPT-RT-L", "SkipGPT-Joint");

    private static final int DOCUMENTS = 3000;
    /** Text of another seed than the one the model was trained with; the hardest mixture it has seen. */
    private static final long TEXT_SEED = 11;

    private static final double DIFFICULTY = 0.6;
    private static final int MEASURED = 64;

    private final Path work;
    private final long steps;
    private final int questions;
    private final Set<String> methods;
    private final LanguageModel base;
    private final List<String> documents;
    private final ProgressObserver observer = ConsoleObserver.on(System.out);

    private TuningStudy(String model, Path work, long steps, int questions, Set<String> methods) {
        this.work = work;
        this.steps = steps;
        this.questions = questions == 0 ? Integer.MAX_VALUE : questions;
        this.methods = methods;
        this.base = SkipGpt.load(model);
        WorldText text = new WorldText(World.of(World.SEED), TEXT_SEED);
        this.documents = LongStream.range(0, DOCUMENTS)
                .mapToObj(i -> text.document(i, DIFFICULTY).text())
                .toList();
    }

    /** Runs the cells that are missing and writes the table. */
    public static void main(String[] arguments) throws IOException {
        if (arguments.length < 6 || arguments.length > 7) {
            throw new IllegalArgumentException("arguments: model (world), work folder, targets (0.25,0.4),"
                    + " seeds (1,2,3), steps of a stage, questions of a task (0 for all), methods (left out for all of "
                    + METHODS + ")");
        }
        Set<String> methods =
                new LinkedHashSet<>(arguments.length < 7 ? METHODS : Arrays.asList(arguments[6].split(",")));
        if (!METHODS.containsAll(methods)) {
            throw new IllegalArgumentException("methods " + methods + " are not all known: use some of " + METHODS);
        }
        Workspace.open(System.getenv().getOrDefault("SKIPGPT_DEVICE", "cpu"), "fp32");
        Path work = Files.createDirectories(Path.of(arguments[1]));
        TuningStudy study = new TuningStudy(
                arguments[0], work, Long.parseLong(arguments[4]), Integer.parseInt(arguments[5]), methods);
        double[] targets = Arrays.stream(arguments[2].split(","))
                .mapToDouble(Double::parseDouble)
                .toArray();
        long[] seeds = Arrays.stream(arguments[3].split(","))
                .mapToLong(Long::parseLong)
                .toArray();
        study.run(targets, seeds);
    }

    private void run(double[] targets, long[] seeds) {
        for (long seed : seeds) {
            for (double target : targets) {
                Supplier<LanguageModel> rt = () -> tuned("SkipGPT-RT", target, seed, base);
                cell("SkipGPT-RT", target, seed, rt, steps);
                cell("SkipGPT-RT-L", target, seed, () -> tuned("SkipGPT-RT-L", target, seed, rt.get()), 2 * steps);
                cell("SkipGPT-Joint", target, seed, () -> tuned("SkipGPT-Joint", target, seed, base), 2 * steps);
                write();
            }
            cell("dense", 0, 0, () -> base, 0);
            cell("Dense+LoRA", 0, seed, () -> tuned("Dense+LoRA", 0, seed, base), steps);
            write();
        }
    }

    private static String name(String method, double target, long seed) {
        return method + "-" + Math.round(100 * target) + "-" + seed;
    }

    /** Tunes, or loads what was tuned before. */
    private LanguageModel tuned(String method, double target, long seed, LanguageModel from) {
        Path folder = work.resolve(name(method, target, seed));
        if (!Files.exists(folder)) {
            TuningOptions options = TuningOptions.workshop()
                    .withSteps(method.equals("SkipGPT-Joint") ? 2 * steps : steps)
                    .withSeed(seed)
                    .withHeldOut(MEASURED)
                    .withCheckpoints(work.resolve(name(method, target, seed) + ".run"), 50);
            Tuned tuned = switch (method) {
                case "SkipGPT-RT" -> Tuning.routers(from, target, documents, options, observer);
                case "SkipGPT-RT-L" -> Tuning.lora(from, documents, options, observer);
                case "SkipGPT-Joint" -> Tuning.joint(from, target, documents, options, observer);
                default -> Tuning.denseLora(from, documents, options, observer);
            };
            if (tuned.run().isStopped()) {
                throw new IllegalStateException(method + " was interrupted; run again to continue");
            }
            System.out.println(tuned);
            AtomicFile.write(
                    work.resolve(name(method, target, seed) + ".log.csv"),
                    tuned.log().csv());
            AtomicFile.write(
                    work.resolve(name(method, target, seed) + ".seconds"),
                    Double.toString(tuned.run().log().seconds()));
            SkipGptFolder.save(folder, tuned.model(), tuned.lora(), tuned.budget(), tuned.provenance());
        }
        return SkipGptFolder.load(folder, base, base.scope());
    }

    /** Scores one model and keeps its numbers. */
    private void cell(String method, double target, long seed, Supplier<LanguageModel> making, long spent) {
        Path file = work.resolve(name(method, target, seed) + ".json");
        if (Files.exists(file) || !methods.contains(method)) {
            return;
        }
        LanguageModel model = making.get();
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("method", method);
        row.put("target", target);
        row.put("seed", seed);
        row.put("steps", spent);
        row.put(
                "tuning s",
                seconds(name(method, target, seed))
                        + (method.equals("SkipGPT-RT-L") ? seconds(name("SkipGPT-RT", target, seed)) : 0));
        Path world = WORLD;
        for (String task : Tasks.PAPER) {
            TaskData data = TaskData.read(Tasks.named(task), world.resolve(task + ".jsonl"))
                    .first(questions);
            row.put(task, 100 * new Scorer(model).score(data, observer).score());
        }
        row.put("wiki ppl", perplexity(model, world.resolve("wiki.txt"), PerplexityOptions.wikitext2()));
        row.put("ptb ppl", perplexity(model, world.resolve("ptb.txt"), PerplexityOptions.ptb()));
        int[][] held = documents.subList(DOCUMENTS - MEASURED, DOCUMENTS).stream()
                .map(d -> model.tokenizer().encodeWithBos(d))
                .toArray(int[][]::new);
        var cost = SparsityReport.of(model, held).cost();
        row.put("s_attn", 100 * cost.attention());
        row.put("s_mlp", 100 * cost.mlp());
        row.put("r", 100 * cost.modules());
        row.put("params of blocks", 100 * cost.paramsOfBlocks());
        AtomicFile.write(file, new GsonBuilder().setPrettyPrinting().create().toJson(row));
    }

    private double seconds(String name) {
        Path file = work.resolve(name + ".seconds");
        if (!Files.exists(file)) {
            return 0;
        }
        try {
            return Double.parseDouble(read(file));
        } catch (NumberFormatException e) {
            throw new IllegalStateException(
                    file + " holds no number of seconds; remove it, and its folder to tune again", e);
        }
    }

    private double perplexity(LanguageModel model, Path file, PerplexityOptions options) {
        return Perplexity.of(model, file, options.withWindow(0), observer).perplexity();
    }

    /** One row a method and target: mean over seeds, with the standard deviation where there are several. */
    private void write() {
        Map<String, List<JsonFields>> groups = new LinkedHashMap<>();
        Set<String> numbers = new LinkedHashSet<>(Tasks.PAPER);
        numbers.addAll(
                List.of("average", "wiki ppl", "ptb ppl", "s_attn", "s_mlp", "r", "params of blocks", "tuning s"));
        for (Path file : results()) {
            JsonFields row = JsonFields.of(file);
            double target = row.number("target", Numbers.between(0, 1));
            String key = row.text("method") + (target == 0 ? "" : " " + target);
            groups.computeIfAbsent(key, k -> new ArrayList<>()).add(row);
        }
        List<Column> columns = new ArrayList<>(List.of(Column.text("method"), Column.number("seeds", 0)));
        numbers.forEach(n -> columns.add(Column.number(n, n.endsWith("ppl") ? 3 : 1)));
        TextTable table = TextTable.of("", columns);
        for (Map.Entry<String, List<JsonFields>> group : groups.entrySet()) {
            List<Object> cells =
                    new ArrayList<>(List.of(group.getKey(), group.getValue().size()));
            numbers.forEach(n -> cells.add(mean(
                    group.getValue().stream().mapToDouble(row -> value(row, n)).toArray())));
            table = table.withRow(cells.toArray());
        }
        AtomicFile.write(work.resolve("table.md"), table.markdown() + "\n");
        System.out.println(table.fullText());
    }

    private static double value(JsonFields row, String name) {
        if (name.equals("average")) {
            return Tasks.PAPER.stream()
                    .mapToDouble(task -> value(row, task))
                    .average()
                    .orElse(Double.NaN);
        }
        return row.number(name, Double.NaN, Numbers.any());
    }

    private static Object mean(double[] values) {
        double mean = Arrays.stream(values).average().orElse(Double.NaN);
        double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
        return values.length < 2 ? (Object) mean : new Measured(mean, Math.sqrt(squares / (values.length - 1)));
    }

    private List<Path> results() {
        try (var files = Files.list(work)) {
            return files.filter(f -> f.toString().endsWith(".json")).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
