package org.skipgpt.eval;

import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How many worked examples stand before the questions of each task. Results under different presets never share a table.
 *
 * @param name {@code zero-shot}, {@code paper-shots} or {@code 5-shot}
 * @param shots the same number for every task; empty for each task's own
 */
public record Preset(String name, OptionalInt shots) {
    private static final Pattern SHOTS = Pattern.compile("([0-9]{1,3})-shot");

    /** No examples. */
    public static Preset zeroShot() {
        return new Preset("zero-shot", OptionalInt.of(0));
    }

    /**
     * The numbers that fit the paper's dense rows best: OpenBookQA, PIQA and BoolQ 0, WinoGrande 5, HellaSwag 10, ARC 25.
     *
     * <p>Deviation: the paper names no shots; these are those of LLM-Drop's benchmark script, ARC-Easy's is a guess, and
     * the paper's BoolQ value for LLaMA-2-7B fits no number of shots.
     */
    public static Preset paperShots() {
        return new Preset("paper-shots", OptionalInt.empty());
    }

    /** The same number of examples before every question, 0..100. */
    public static Preset shots(int count) {
        if (count < 0 || count > 100) {
            throw new IllegalArgumentException(count + " shots are not allowed: expected 0..100");
        }
        return count == 0 ? zeroShot() : new Preset(count + "-shot", OptionalInt.of(count));
    }

    /** Whether a word names a preset. */
    public static boolean isNamed(String word) {
        return word.equals("zero-shot")
                || word.equals("paper-shots")
                || SHOTS.matcher(word).matches();
    }

    /**
     * A preset by its name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Preset named(String name) {
        Matcher own = SHOTS.matcher(name);
        if (own.matches()) {
            return shots(Integer.parseInt(own.group(1)));
        }
        return switch (name) {
            case "zero-shot" -> zeroShot();
            case "paper-shots" -> paperShots();
            default ->
                throw new IllegalArgumentException(
                        "preset \"" + name + "\" is not known: use zero-shot, paper-shots or e.g. 5-shot");
        };
    }

    /** Examples before each question of a task. */
    int shots(TaskDescription task) {
        return shots.orElse(task.paperShots());
    }

    @Override
    public String toString() {
        return name;
    }
}
