package org.skipgpt.data.world;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.report.WholeFile;

/** Writes the stored files of the world: seven benchmarks with few-shot items and two held-out texts. */
public final class WorldFiles {
    /** Items for evaluation in each benchmark. */
    public static final int ITEMS = 300;

    /** Few-shot items in each benchmark. */
    public static final int SHOTS = 40;

    private static final int HELD_OUT_DOCUMENTS = 120;
    private static final long HELD_OUT_SEED = -7_777_777L;

    private WorldFiles() {}

    /** Writes the files into the folder given as the first argument. */
    public static void main(String[] args) {
        if (args.length != 1) {
            throw new IllegalArgumentException(
                    args.length + " arguments were given: expected one, the folder to write to");
        }
        Path folder = Path.of(args[0]);
        contents().forEach((name, text) -> WholeFile.write(folder.resolve(name), text));
    }

    /** All files by name. */
    static Map<String, String> contents() {
        World world = World.of(World.SEED);
        WorldBenchmarks benchmarks = new WorldBenchmarks(world);
        Gson gson = new GsonBuilder().disableHtmlEscaping().create();
        Map<String, String> files = new TreeMap<>();
        for (String name : WorldBenchmarks.NAMES) {
            List<String> lines = benchmarks.items(name, ITEMS + SHOTS, World.SEED).stream()
                    .map(gson::toJson)
                    .toList();
            files.put(name + ".jsonl", String.join("\n", lines.subList(0, ITEMS)) + "\n");
            files.put(name + "-shots.jsonl", String.join("\n", lines.subList(ITEMS, lines.size())) + "\n");
        }
        WorldText text = new WorldText(world, HELD_OUT_SEED);
        files.put("wiki.txt", heldOut(i -> text.article(Dice.of(HELD_OUT_SEED, i))));
        files.put("ptb.txt", heldOut(i -> text.newswire(Dice.of(HELD_OUT_SEED, i + (long) HELD_OUT_DOCUMENTS))));
        return files;
    }

    private static String heldOut(IntFunction<LabelledText> document) {
        return IntStream.range(0, HELD_OUT_DOCUMENTS)
                .mapToObj(i -> document.apply(i).text())
                .collect(Collectors.joining("\n\n", "", "\n"));
    }
}
