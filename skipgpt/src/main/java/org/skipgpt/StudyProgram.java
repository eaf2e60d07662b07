package org.skipgpt;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.TextUnit;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.TextTable;

/**
 * {@code ./run study}: makes a study's missing rows and writes into its folder {@code table.md} and {@code table.csv}, the paper's Tables
 * {@code table1.md} and {@code table2.md}, how rows came to their ratios ({@code search.md}), pictures of averages, training curves and
 * perplexities over ratios and, where the study has SkipGPT, what differs from it by more than luck.
 *
 * <p>Arguments are {@code name=value}; without any it is the workshop's study of the embedded model in {@code target/study}.
 */
public final class StudyProgram {
    private static final String SPARK = "spark";
    private static final String SKIPGPT = "SkipGPT-RT-L";
    private static final int DOCUMENTS = 2000;
    private static final long TEXT_SEED = 11;
    private static final int CALIBRATION = 100;
    /** Documents of a file or folder: as many as the paper's 10,000 steps of 16 read. */
    private static final int MOST = 160_000;

    private static final String USAGE = """
        ./run study [name=value ...]
          model=world        as load(...) takes it
          folder=target/study
          settings=workshop  workshop, practical, paper or official
          ratios=0.25        shares of the block parameters, e.g. 0.25,0.4
          seeds=43           e.g. 1,2,3
          steps=             steps of each tuning; the settings' own where nothing is said
          first=0            most questions of a task; 0 for all
          methods=           names from the table, separated by ';'; all where nothing is said
          texts=             a file or folder to learn and calibrate on; texts of the embedded world where nothing is said
          spark=             a Spark master that makes the rows, e.g. local[*] or spark://host:7077; this process where nothing
                             is said. --spark means spark=local[*], --spark URL the same as spark=URL
        Several of these commands may share one folder, on one machine or on several: each row is made by one of them.
        """;

    private StudyProgram() {}

    /** Runs it. */
    public static void main(String[] arguments) {
        CommandLine line = CommandLine.of(arguments);
        if (line.arguments().asksForHelp()) {
            System.out.print(USAGE);
            return;
        }
        String device = System.getenv().getOrDefault("SKIPGPT_DEVICE", "");
        Workspace workspace = device.isBlank() ? Workspace.open() : Workspace.open(device, "fp32");
        ProgressObserver observer = ConsoleObserver.on(System.out);
        System.out.println(workspace);
        StudyOptions options = line.options();
        Study study = study(line, options, observer);
        study.save(options.folder().resolve("table.md"));
        study.save(options.folder().resolve("table.csv"));
        study.figure().save(options.folder().resolve("table.png"));
        study.table(1).save(options.folder().resolve("table1.md"));
        study.table(2).save(options.folder().resolve("table2.md"));
        study.search().save(options.folder().resolve("search.md"));
        if (StudyTables.hasCurves(study)) {
            study.curves().save(options.folder().resolve("curves.png"));
        }
        for (String text : study.rows().stream()
                .flatMap(row -> row.perplexities().keySet().stream())
                .distinct()
                .toList()) {
            study.scaling(text).save(options.folder().resolve("scaling-" + StudyMaterial.slug(text) + ".png"));
        }
        System.out.println(study.table().fullText());
        if (study.rows().stream().anyMatch(row -> row.method().equals(SKIPGPT))) {
            TextTable against = study.significance(SKIPGPT);
            against.save(options.folder().resolve("significance.md"));
            System.out.println(against.fullText());
        }
        System.out.println("rows and tables: " + options.folder().toAbsolutePath());
    }

    private static Study study(CommandLine line, StudyOptions options, ProgressObserver observer) {
        String model = line.of("model", "world");
        String spark = line.of(SPARK, "");
        Optional<StudyEngine> engine = spark.isEmpty() ? Optional.empty() : Optional.of(engine());
        LanguageModel base = SkipGpt.load(model, observer);
        return engine.isPresent()
                ? engine.get().run(spark, model, base, options, observer)
                : SkipGpt.study(base, options, observer);
    }

    private static StudyEngine engine() {
        for (StudyEngine engine : ServiceLoader.load(StudyEngine.class)) {
            if (engine.name().equals(SPARK)) {
                return engine;
            }
        }
        throw new IllegalArgumentException("spark=... needs skipgpt-spark and Spark on the class path: start it as"
                + " ./run study spark=..., which builds and adds them, or add skipgpt-spark to your project");
    }

    /** What the command line says. */
    private record CommandLine(NamedArguments arguments) {
        private static final List<String> NAMES =
                List.of("model", "folder", "settings", "ratios", "seeds", "steps", "first", "methods", "texts", SPARK);

        // --spark and --spark URL, as other programs have it
        static CommandLine of(String[] given) {
            List<String> plain = new ArrayList<>();
            for (int i = 0; i < given.length; i++) {
                if (!given[i].equals("--" + SPARK)) {
                    plain.add(given[i]);
                } else if (i + 1 < given.length && !NamedArguments.isNamed(given[i + 1], NAMES)) {
                    i++;
                    plain.add(SPARK + "=" + given[i]);
                } else {
                    plain.add(SPARK + "=local[*]");
                }
            }
            return new CommandLine(new NamedArguments(plain, NAMES, USAGE));
        }

        String of(String name, String otherwise) {
            return arguments.of(name, otherwise);
        }

        StudyOptions options() {
            List<String> documents = documents();
            String calibration = String.join("\n\n", documents.subList(0, Math.min(CALIBRATION, documents.size())));
            Path folder = Path.of(of("folder", "target/study"));
            String preset = of("settings", "workshop").toLowerCase(Locale.ROOT);
            StudyOptions options = switch (preset) {
                case "workshop" -> StudyOptions.workshop(folder, calibration, documents);
                case "practical" -> StudyOptions.practical(folder, calibration, documents);
                case "paper" -> StudyOptions.paper(folder, calibration, documents);
                case "official" -> StudyOptions.official(folder, calibration, documents);
                default -> throw new IllegalArgumentException("settings \"" + preset + "\" are not known\n" + USAGE);
            };
            String ratios = of("ratios", "");
            if (!ratios.isEmpty()) {
                options = options.withRatios(Arrays.stream(ratios.split(","))
                        .mapToDouble(Double::parseDouble)
                        .toArray());
            }
            String seeds = of("seeds", "");
            if (!seeds.isEmpty()) {
                options = options.withSeeds(Arrays.stream(seeds.split(","))
                        .mapToLong(Long::parseLong)
                        .toArray());
            }
            String steps = of("steps", "");
            if (!steps.isEmpty()) {
                options = options.withTuning(options.tuning().withSteps(Long.parseLong(steps)));
            }
            EvaluationOptions scored = options.evaluation().withFirst(Integer.parseInt(of("first", "0")));
            options = options.withEvaluation(scored);
            String methods = of("methods", "");
            return methods.isEmpty()
                    ? options
                    : options.withNames(
                            Arrays.stream(methods.split(";")).map(String::strip).toArray(String[]::new));
        }

        private List<String> documents() {
            String texts = of("texts", "");
            if (texts.isEmpty()) {
                return SkipGpt.worldTexts(DOCUMENTS, TEXT_SEED);
            }
            if (!Files.exists(Path.of(texts))) {
                throw new IllegalArgumentException("no texts at " + texts + ": give a file or folder");
            }
            try (Stream<String> found =
                    TextFiles.of(Path.of(texts)).withUnit(TextUnit.PARAGRAPH).open()) {
                return found.limit(MOST).toList();
            }
        }
    }
}
