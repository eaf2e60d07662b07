package org.skipgpt.eval;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a model is evaluated.
 *
 * <pre>{@code
 * var options = EvaluationOptions.defaults().withData(Path.of("data")).withPreset("5-shot").withStore(Path.of("scores.jsonl"));
 * }</pre>
 *
 * @param preset examples before each question
 * @param data folder of the data sets; empty for the one that SKIPGPT_DATA names, else the embedded world
 * @param scoring how texts become numbers
 * @param store file that keeps every question's scores, so that a stopped run goes on; empty for none
 * @param first most questions of a task, its first ones; 0 for all
 * @param examplesFromQuestions whether a task without a file of examples takes them from its questions (never the
 *     question itself); else that is an error
 */
public record EvaluationOptions(
        Preset preset,
        Optional<Path> data,
        ScoreOptions scoring,
        Optional<Path> store,
        int first,
        boolean examplesFromQuestions) {
    /** Checks the number of questions. */
    public EvaluationOptions {
        if (first < 0) {
            throw new IllegalArgumentException("first " + first + " is not allowed: expected 0 for all, or more");
        }
    }

    /** Zero-shot, every question, nothing stored. */
    public static EvaluationOptions defaults() {
        return new EvaluationOptions(
                Preset.zeroShot(), Optional.empty(), ScoreOptions.defaults(), Optional.empty(), 0, false);
    }

    /** With another preset: {@code zero-shot}, {@code paper-shots} or e.g. {@code 5-shot}. */
    public EvaluationOptions withPreset(String name) {
        return new EvaluationOptions(Preset.named(name), data, scoring, store, first, examplesFromQuestions);
    }

    /** With another folder of data sets. */
    public EvaluationOptions withData(Path folder) {
        return new EvaluationOptions(preset, Optional.of(folder), scoring, store, first, examplesFromQuestions);
    }

    /** With other choices of scoring. */
    public EvaluationOptions withScoring(ScoreOptions other) {
        return new EvaluationOptions(preset, data, other, store, first, examplesFromQuestions);
    }

    /** With questions written by the checkpoint's own chat template, see {@link ScoreOptions#chat}. */
    public EvaluationOptions withChat() {
        return withScoring(scoring.withChat());
    }

    /** With a file that keeps scores. */
    public EvaluationOptions withStore(Path file) {
        return new EvaluationOptions(preset, data, scoring, Optional.of(file), first, examplesFromQuestions);
    }

    /** With at most so many questions a task. */
    public EvaluationOptions withFirst(int questions) {
        return new EvaluationOptions(preset, data, scoring, store, questions, examplesFromQuestions);
    }

    /** With examples taken from the questions where a task has no file of examples. */
    public EvaluationOptions withExamplesFromQuestions() {
        return new EvaluationOptions(preset, data, scoring, store, first, true);
    }
}
