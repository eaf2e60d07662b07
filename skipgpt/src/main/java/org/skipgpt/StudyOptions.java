package org.skipgpt;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Sha256;
import org.skipgpt.train.TuningOptions;

/**
 * Which rows a study has and how they are made.
 *
 * <pre>{@code
 * StudyOptions.workshop(Path.of("study"), text, documents).withRatios(0.25, 0.4).withSeeds(1, 2, 3)
 * }</pre>
 *
 * @param folder keeps finished rows and runs under way; the same folder goes on
 * @param methods rows
 * @param ratios wanted shares of the block parameters
 * @param seeds of everything drawn
 * @param tuning how rows learn that do
 * @param evaluation how rows are scored; its store is the study's own
 * @param calibration text that static methods measure on
 * @param documents texts that others learn from
 */
public record StudyOptions(
        Path folder,
        List<StudyMethod> methods,
        List<Double> ratios,
        List<Long> seeds,
        TuningOptions tuning,
        EvaluationOptions evaluation,
        String calibration,
        List<String> documents) {
    /** Checks every field; all faults are told at once. */
    public StudyOptions {
        methods = List.copyOf(methods);
        ratios = List.copyOf(ratios);
        seeds = List.copyOf(seeds);
        documents = List.copyOf(documents);
        List<String> faults = new ArrayList<>();
        if (methods.isEmpty() || ratios.isEmpty() || seeds.isEmpty()) {
            faults.add("a study needs at least one method, one ratio and one seed");
        }
        if (methods.stream().map(StudyMethod::name).distinct().count() < methods.size()) {
            faults.add("two methods have one name among "
                    + methods.stream().map(StudyMethod::name).toList());
        }
        if (!ratios.stream().allMatch(ratio -> ratio > 0 && ratio <= 0.95)) {
            faults.add("ratios " + ratios + " are not allowed: expected shares above 0 up to 0.95, e.g. 0.25");
        }
        if (calibration.isBlank() || documents.isEmpty()) {
            faults.add("a study needs a calibration text and documents to learn from");
        }
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("study: " + String.join("; ", faults));
        }
    }

    /** The paper's methods at 25 %, seed 43, the workshop's settings for minutes on a laptop, zero-shot. */
    public static StudyOptions workshop(Path folder, String calibration, List<String> documents) {
        return new StudyOptions(
                folder,
                StudyMethod.paper(),
                List.of(0.25),
                List.of(43L),
                TuningOptions.workshop(),
                EvaluationOptions.defaults(),
                calibration,
                documents);
    }

    /** The same with settings that work on a pretrained model within minutes. */
    public static StudyOptions practical(Path folder, String calibration, List<String> documents) {
        return workshop(folder, calibration, documents).withTuning(TuningOptions.practical());
    }

    /** The paper's settings, at 25 and 40 %, with the numbers of examples that fit its dense rows best. */
    public static StudyOptions paper(Path folder, String calibration, List<String> documents) {
        return workshop(folder, calibration, documents)
                .withTuning(TuningOptions.paper())
                .withEvaluation(EvaluationOptions.defaults().withPreset("paper-shots"))
                .withRatios(0.25, 0.4);
    }

    /** The same with the authors' training code where it differs. */
    public static StudyOptions official(Path folder, String calibration, List<String> documents) {
        return paper(folder, calibration, documents).withTuning(TuningOptions.official());
    }

    /** In another folder. */
    public StudyOptions withFolder(Path other) {
        return new StudyOptions(other, methods, ratios, seeds, tuning, evaluation, calibration, documents);
    }

    /** With other rows. */
    public StudyOptions withMethods(List<StudyMethod> other) {
        return new StudyOptions(folder, other, ratios, seeds, tuning, evaluation, calibration, documents);
    }

    /** With one row more. */
    public StudyOptions withMethod(StudyMethod one) {
        List<StudyMethod> more = new ArrayList<>(methods);
        more.add(one);
        return withMethods(more);
    }

    /** With some of its rows, by their names. */
    public StudyOptions withNames(String... names) {
        List<String> wanted = List.of(names);
        List<String> known = methods.stream().map(StudyMethod::name).toList();
        if (!known.containsAll(wanted)) {
            throw new IllegalArgumentException("methods " + wanted + " are not all known: use some of " + known);
        }
        return withMethods(
                methods.stream().filter(one -> wanted.contains(one.name())).toList());
    }

    /** At other shares of the block parameters. */
    public StudyOptions withRatios(double... shares) {
        List<Double> all = Arrays.stream(shares).boxed().toList();
        return new StudyOptions(folder, methods, all, seeds, tuning, evaluation, calibration, documents);
    }

    /** With other seeds. */
    public StudyOptions withSeeds(long... all) {
        List<Long> other = Arrays.stream(all).boxed().toList();
        return new StudyOptions(folder, methods, ratios, other, tuning, evaluation, calibration, documents);
    }

    /** With other settings of what learns. */
    public StudyOptions withTuning(TuningOptions other) {
        return new StudyOptions(folder, methods, ratios, seeds, other, evaluation, calibration, documents);
    }

    /** Scored in another way. */
    public StudyOptions withEvaluation(EvaluationOptions other) {
        return new StudyOptions(folder, methods, ratios, seeds, tuning, other, calibration, documents);
    }

    /** All that decides a row's numbers but the model and what the method's code does. */
    Identity identity(String method, double ratio, long seed) {
        return Identity.of("study row")
                .with("method", method)
                .with("ratio", ratio)
                .with("seed", seed)
                .with("tuning", tuning.toString())
                .with("preset", evaluation.preset().name())
                .with("first", evaluation.first())
                .with("data", evaluation.data().map(Path::toString).orElse(""))
                .with("calibration", Sha256.of(calibration))
                .with("documents", Sha256.of(String.join("\u0000", documents)));
    }
}
