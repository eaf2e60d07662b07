package org.skipgpt;

import static org.skipgpt.FuzzTarget.alone;
import static org.skipgpt.FuzzTarget.among;
import static org.skipgpt.FuzzTarget.checkSame;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.skipgpt.analyze.SweptPoints;
import org.skipgpt.data.DataFile;
import org.skipgpt.data.Dataset;
import org.skipgpt.data.DatasetFetcher;
import org.skipgpt.eval.StoredScores;
import org.skipgpt.io.Claim;
import org.skipgpt.io.Claims;
import org.skipgpt.model.Golden;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Measured;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.tokens.PackedTokens;

/** Kinds of files that this library keeps for itself and that need no engine to be read. */
public final class FuzzKept {
    private static final List<String> TEXTS = List.of("5 6 7", "8 9", "10 11 12 13");
    private static final List<String> KEYS = List.of("a", "b", "c");

    private FuzzKept() {}

    static List<FuzzTarget> targets() throws IOException {
        Path folder = Files.createTempDirectory("fuzz-kept");
        try {
            return Stream.of(tokens(folder), results(folder), data())
                    .flatMap(List::stream)
                    .toList();
        } finally {
            removeAll(folder);
        }
    }

    private static List<FuzzTarget> tokens(Path folder) throws IOException {
        String saved = encoded(folder.resolve("tokens.bin"));
        Map<String, byte[]> files = FuzzTargets.files(folder, "tokens.bin", "tokens.bin.json");
        return List.of(
                among("tokens", "tokens.bin", files, (d, f) -> checkSame(saved, encoded(f))),
                among(
                        "tokens description",
                        "tokens.bin.json",
                        files,
                        (d, f) -> checkSame(saved, encoded(d.resolve("tokens.bin")))));
    }

    private static String encoded(Path file) {
        PackedTokens tokens = PackedTokens.encode(TEXTS.iterator(), Golden.numbers(20), 100, file);
        return Arrays.toString(tokens.window(0, (int) tokens.size()));
    }

    private static List<FuzzTarget> results(Path folder) throws IOException {
        Path scores = folder.resolve("scores.jsonl");
        Path sweep = folder.resolve("scaling.json");
        Path row = folder.resolve("row.json");
        for (String key : KEYS) {
            StoredScores.put(scores, key, -1.5 - key.charAt(0));
            SweptPoints.put(sweep, key, key.charAt(0));
        }
        Map<String, Double> saved = StoredScores.read(scores, KEYS);
        checkSame(KEYS.size(), saved.size());
        row().save(row);
        return List.of(
                alone("scores", "scores.jsonl", Files.readAllBytes(scores), (d, f) -> {
                    // a damaged line's question is scored again, so what is read is a part of what was saved
                    Map<String, Double> read = StoredScores.read(f, KEYS);
                    read.forEach((key, value) -> checkSame(Optional.ofNullable(saved.get(key)), Optional.of(value)));
                }),
                alone("sweep", "scaling.json", Files.readAllBytes(sweep), (d, f) -> SweptPoints.read(f, KEYS)),
                alone("study row", "row.json", Files.readAllBytes(row), (d, f) -> StudyRow.open(f)),
                alone("claim", "work.claim", FuzzBytes.of("host machine 1 0 token\n000000000001\n"), (d, f) -> {
                    try (Claims claims = Claims.of(d)) {
                        claims.owner("work");
                        claims.take("work").ifPresent(Claim::close);
                    }
                }));
    }

    /** A finished row with all that rows have. */
    static StudyRow row() {
        return new StudyRow(
                "SkipGPT-RT",
                0.25,
                43,
                0.26,
                0.2,
                Map.of("piqa", new Measured(60, 1.5)),
                Map.of("wikitext2", 32.5),
                Map.of("piqa", "0110"),
                12,
                34,
                Identity.of("row").with("seed", 43L),
                Provenance.of("test"),
                Optional.of(new StudyCost(10, 0, 1.2, 1.1, 0.01, 100, 120)),
                Optional.of(new StudySearch("threshold", 0.4, 7)),
                List.of(new StudyCurve("stage 1", List.of(0.0, 1.0), List.of(3.5, 3.25))));
    }

    private static List<FuzzTarget> data() throws IOException {
        byte[] content = FuzzBytes.of("one line after another\n".repeat(80));
        DataFile member = new DataFile(
                "member.txt",
                Optional.of(URI.create("https://example.org/archive.zip")),
                OptionalLong.empty(),
                Optional.empty(),
                Optional.of("inside.txt"));
        Dataset set = new Dataset(
                "set", "A set", "https://example.org", "Free", "https://example.org", "tests", "", List.of(member));
        return List.of(alone("zip", "set/archive.zip", FuzzBytes.zip("inside.txt", content), (d, f) -> {
            Path taken = d.resolve("set/member.txt");
            Files.deleteIfExists(taken);
            List<Path> files = new DatasetFetcher(d, Optional.empty()).fetch(set, "Free", ProgressObserver.silent());
            checkSame(Arrays.toString(content), Arrays.toString(Files.readAllBytes(files.get(0))));
        }));
    }

    /** Removes a folder with all that is in it. */
    public static void removeAll(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
