package org.skipgpt;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.skipgpt.eval.Evaluation;
import org.skipgpt.eval.TaskResult;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.io.ProvenanceJson;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Measured;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.WholeFile;
import org.skipgpt.route.ModuleRouting;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleSite;

/**
 * The numbers of one finished row.
 *
 * @param method what was done
 * @param wanted share of block parameters that was asked for; 0 for rows that skip nothing
 * @param seed of everything drawn; 0 where nothing was
 * @param blocks measured share of the dense model's block parameters that a token does without
 * @param all the same of all its parameters, embedding and head included
 * @param tasks each task's metric in percent with its standard error
 * @param perplexities of each text
 * @param answers of each task, a character a question in the data's order: 1 where it was right, 0 where not; empty in rows that
 *     an earlier version made
 * @param madeSeconds what making the model took, tuning included
 * @param scoredSeconds what scoring it took
 * @param identity what the numbers are of
 * @param provenance what they were made from and on
 * @param cost what it costs beside; empty in rows that an earlier version made
 * @param search how it came to its ratio; empty where nothing was turned
 * @param curves of its runs, in order
 */
public record StudyRow(
        String method,
        double wanted,
        long seed,
        double blocks,
        double all,
        Map<String, Measured> tasks,
        Map<String, Double> perplexities,
        Map<String, String> answers,
        double madeSeconds,
        double scoredSeconds,
        Identity identity,
        Provenance provenance,
        Optional<StudyCost> cost,
        Optional<StudySearch> search,
        List<StudyCurve> curves) {
    // 1, which has no field of its own: without costs, searches and curves
    private static final int FORMAT = 2;
    private static final Numbers NO_LESS_THAN_0 = Numbers.between(0, Double.MAX_VALUE);
    private static final double CLOSE = 0.005;
    private static final String AGAIN = "; delete the file, and the row is made again";

    /** Keeps the order of the maps. */
    public StudyRow {
        tasks = Collections.unmodifiableMap(new LinkedHashMap<>(tasks));
        perplexities = Collections.unmodifiableMap(new LinkedHashMap<>(perplexities));
        answers = Collections.unmodifiableMap(new LinkedHashMap<>(answers));
        curves = List.copyOf(curves);
    }

    /** A row of which no costs are known. */
    public StudyRow(
            String method,
            double wanted,
            long seed,
            double blocks,
            double all,
            Map<String, Measured> tasks,
            Map<String, Double> perplexities,
            Map<String, String> answers,
            double madeSeconds,
            double scoredSeconds,
            Identity identity,
            Provenance provenance) {
        this(
                method,
                wanted,
                seed,
                blocks,
                all,
                tasks,
                perplexities,
                answers,
                madeSeconds,
                scoredSeconds,
                identity,
                provenance,
                Optional.empty(),
                Optional.empty(),
                List.of());
    }

    /** The same with what else was measured and told. */
    StudyRow with(StudyCost measured, StudyNotes notes) {
        return new StudyRow(
                method,
                wanted,
                seed,
                blocks,
                all,
                tasks,
                perplexities,
                answers,
                madeSeconds,
                scoredSeconds,
                identity,
                provenance,
                Optional.of(measured),
                notes.search(),
                notes.curves());
    }

    /** Whether nothing was done to the model. */
    boolean isDense() {
        return method.equals("Dense");
    }

    /** Whether an adapter was learned; of rows that an earlier version made their names say it. */
    boolean isAdapted() {
        return cost.map(one -> one.adapter() > 0)
                .orElse(method.contains("LoRA")
                        || List.of("MoD-D", "D-LLM", "SkipGPT-Joint", "SkipGPT-RT-L")
                                .contains(method));
    }

    /** Share of block parameters, measured minus wanted. */
    public double off() {
        return blocks - wanted;
    }

    /** Whether it lies within half a point of what was asked for, so that it compares with others that do. */
    public boolean isMatched() {
        return wanted == 0 || Math.abs(off()) <= CLOSE;
    }

    /** Mean of the tasks in percent; NaN without tasks. */
    public double average() {
        return tasks.values().stream().mapToDouble(Measured::value).average().orElse(Double.NaN);
    }

    /** The answers of a task it has. */
    String answer(String task) {
        return Objects.requireNonNull(answers.get(task), task);
    }

    /** A row's place in its group: the same method at the same ratio, whatever the seed. */
    String group() {
        return method + " " + wanted;
    }

    static StudyRow of(
            StudyMethod method,
            double wanted,
            long seed,
            LanguageModel base,
            LanguageModel made,
            RoutingTrace trace,
            Evaluation found,
            double madeSeconds,
            Identity identity) {
        double left = 0;
        for (ModuleRouting module : trace.modules()) {
            ModuleSite site = module.site();
            left += made.config().parameters(site) * module.executedShare();
        }
        double kept = base.config().parameters() - base.config().blockParameters();
        double ends = made.config().parameters() - made.config().blockParameters();
        Map<String, Measured> tasks = new LinkedHashMap<>();
        Map<String, String> answers = new LinkedHashMap<>();
        for (TaskResult task : found.tasks()) {
            tasks.put(task.task().name(), new Measured(100 * task.score(), 100 * task.standardError(task.score())));
            StringBuilder right = new StringBuilder();
            for (int i = 0; i < task.n(); i++) {
                right.append(task.isRight(i) ? '1' : '0');
            }
            answers.put(task.task().name(), right.toString());
        }
        Map<String, Double> perplexities = new LinkedHashMap<>();
        found.perplexities().forEach(one -> perplexities.put(one.data(), one.perplexity()));
        return new StudyRow(
                method.name(),
                wanted,
                seed,
                1 - left / base.config().blockParameters(),
                1 - (left + ends) / (base.config().blockParameters() + kept),
                tasks,
                perplexities,
                answers,
                madeSeconds,
                found.provenance().seconds(),
                identity,
                found.provenance());
    }

    /** Writes the row; it appears under its name when it is whole. */
    void save(Path file) {
        JsonObject out = new JsonObject();
        if (cost.isPresent()) {
            out.addProperty("format", FORMAT);
        }
        out.addProperty("method", method);
        out.addProperty("wanted", wanted);
        out.addProperty("seed", seed);
        out.addProperty("blocks", blocks);
        out.addProperty("all", all);
        JsonObject scores = new JsonObject();
        tasks.forEach((name, score) -> {
            JsonObject one = new JsonObject();
            one.addProperty("score", score.value());
            if (Double.isFinite(score.error())) { // one question alone has none
                one.addProperty("error", score.error());
            }
            scores.add(name, one);
        });
        out.add("tasks", scores);
        JsonObject texts = new JsonObject();
        perplexities.forEach(texts::addProperty);
        out.add("perplexities", texts);
        JsonObject questions = new JsonObject();
        answers.forEach(questions::addProperty);
        out.add("answers", questions);
        out.addProperty("madeSeconds", madeSeconds);
        out.addProperty("scoredSeconds", scoredSeconds);
        out.add("identity", JsonParser.parseString(identity.json()));
        out.add("provenance", JsonParser.parseString(provenance.toJson()));
        if (cost.isPresent()) {
            out.add("cost", cost.get().json());
            search.ifPresent(one -> out.add("search", one.json()));
            JsonArray runs = new JsonArray();
            curves.forEach(one -> runs.add(one.json()));
            out.add("curves", runs);
        }
        WholeFile.write(
                file,
                new GsonBuilder()
                                .setPrettyPrinting()
                                .disableHtmlEscaping()
                                .create()
                                .toJson(out) + "\n");
    }

    /**
     * Reads a finished row.
     *
     * @throws CheckpointException if the file is no row
     */
    static StudyRow open(Path file) {
        JsonFields in = JsonFields.of(file, fault -> new CheckpointException(fault + AGAIN));
        Map<String, Measured> tasks = new LinkedHashMap<>();
        JsonFields scores = in.object("tasks");
        for (String task : scores.names()) {
            JsonFields one = scores.object(task);
            tasks.put(
                    task,
                    new Measured(one.number("score", Numbers.any()), one.number("error", Double.NaN, NO_LESS_THAN_0)));
            one.refuseOthers();
        }
        Map<String, String> answers = in.textsByName("answers");
        answers.forEach((task, right) -> {
            if (!tasks.containsKey(task) || !right.matches("[01]*")) {
                throw in.fault("answers", "an object with a text of 0 and 1 for some of the tasks");
            }
        });
        boolean costs = in.has("format") && in.integer("format", FORMAT, FORMAT) == FORMAT;
        StudyRow row = new StudyRow(
                in.text("method"),
                in.number("wanted", Numbers.between(0, 1)),
                in.count("seed", Long.MIN_VALUE, Long.MAX_VALUE),
                in.number("blocks", Numbers.between(-1, 1)),
                in.number("all", Numbers.between(-1, 1)),
                tasks,
                in.numbersByName("perplexities", Numbers.any()),
                answers,
                in.number("madeSeconds", Numbers.any()),
                in.number("scoredSeconds", Numbers.any()),
                identity(in),
                ProvenanceJson.read(in.object("provenance")),
                costs ? Optional.of(StudyCost.read(in.object("cost"))) : Optional.empty(),
                costs ? in.objectIfThere("search").map(StudySearch::read) : Optional.empty(),
                costs ? in.objects("curves").stream().map(StudyCurve::read).toList() : List.of());
        in.refuseOthers();
        return row;
    }

    private static Identity identity(JsonFields in) {
        try {
            return Identity.parse(in.object("identity").json().toString());
        } catch (IllegalArgumentException e) {
            throw in.fault("identity", "an object with a kind");
        }
    }
}
