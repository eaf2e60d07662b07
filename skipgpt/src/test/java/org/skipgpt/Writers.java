package org.skipgpt;

import static org.skipgpt.Writer.Kind.ADDS;
import static org.skipgpt.Writer.Kind.FINDS;
import static org.skipgpt.Writer.Kind.REFUSES;
import static org.skipgpt.Writer.Kind.REPLACES;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.skipgpt.analyze.SweptPoints;
import org.skipgpt.data.DataException;
import org.skipgpt.data.DataFile;
import org.skipgpt.data.Dataset;
import org.skipgpt.data.DatasetFetcher;
import org.skipgpt.eval.StoredScores;
import org.skipgpt.io.AtomicFile;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.GgufStorage;
import org.skipgpt.io.GgufWriter;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.HuggingFaceWriter;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.SafeTensorsWriter;
import org.skipgpt.io.ServedHub;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.Golden;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Column;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Sha256;
import org.skipgpt.report.TextTable;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.tokens.PackedTokens;

/** All writers that need no engine. */
public final class Writers {
    /** Where downloads come from: bytes of {@link #download} at every path. */
    static final String SERVER = "study.server";
    /** A hub for downloads of models. */
    static final String HUB = "study.hub";

    private static final List<TensorInfo> TENSORS = List.of(
            new TensorInfo("a", "F32", new long[] {64, 256}), new TensorInfo("b", "F32", new long[] {128, 256}));
    // as many numbers as a study's two processes write at most
    private static final List<Integer> NUMBERS =
            IntStream.range(0, 4_000).boxed().toList();
    private static final List<String> KEYS =
            NUMBERS.stream().map(String::valueOf).toList();

    private Writers() {}

    public static List<Writer> all() {
        return List.of(
                new Writer("safetensors", ".safetensors", REPLACES, Writers::tensors, Writers::readTensors),
                new Writer("model folder", "", REFUSES, Writers::folder, Writers::readFolder),
                new Writer("GGUF", ".gguf", REFUSES, Writers::gguf, Writers::readGguf),
                new Writer("drop plan", ".json", REPLACES, Writers::plan, Writers::readPlan),
                new Writer("study row", ".json", REPLACES, Writers::row, Writers::readRow),
                new Writer("table", ".csv", REPLACES, Writers::table, Writers::readTable),
                new Writer("sweep", ".json", ADDS, Writers::point, Writers::readPoints),
                new Writer("scores", ".jsonl", ADDS, Writers::score, Writers::readScores),
                new Writer("tokens", ".bin", REFUSES, Writers::tokens, Writers::readTokens),
                new Writer("zip member", "", FINDS, Writers::member, Writers::readMember),
                new Writer("download", "", FINDS, Writers::download, Writers::readDownload),
                new Writer("hub cache", "", FINDS, Writers::hub, Writers::readHub));
    }

    static Set<Integer> one(List<Integer> parts) {
        Set<Integer> all = new TreeSet<>(parts);
        if (all.size() != 1) {
            throw new AssertionError("parts of several writes: " + parts);
        }
        return all;
    }

    private static int number(float[] values) {
        one(IntStream.range(0, values.length)
                .mapToObj(i -> (int) values[i])
                .distinct()
                .toList());
        return (int) values[0];
    }

    private static List<Integer> numbers(TensorSource source) {
        return source.names().stream().map(name -> number(source.floats(name))).toList();
    }

    private static ByteBuffer bytes(TensorInfo info, int number) {
        ByteBuffer bytes = ByteBuffer.allocate((int) info.byteSize()).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.putFloat(number);
        }
        return bytes.flip();
    }

    private static void tensors(Path target, int number) {
        try (SafeTensorsWriter out = SafeTensorsWriter.create(target, TENSORS)) {
            TENSORS.forEach(info -> out.write(info.name(), bytes(info, number)));
            out.finish();
        }
    }

    private static Set<Integer> readTensors(Path target) {
        if (!Files.exists(target)) {
            return Set.of();
        }
        try (SafeTensors file = SafeTensors.open(target)) {
            return one(numbers(file));
        }
    }

    private static void folder(Path target, int number) {
        JsonObject config = new JsonObject();
        config.addProperty("number", number);
        // two shards, so that an index is written, too
        long shard = TENSORS.get(1).byteSize();
        try (HuggingFaceWriter out = HuggingFaceWriter.create(target, config, TENSORS, shard)) {
            TENSORS.forEach(info -> out.write(info.name(), bytes(info, number)));
            out.note("drop-plan.json", "" + number);
            out.finish();
        }
    }

    private static Set<Integer> readFolder(Path target) throws IOException {
        if (!Files.exists(target)) {
            return Set.of();
        }
        try (HuggingFaceFolder folder = HuggingFaceFolder.open(target)) {
            List<Integer> parts = new ArrayList<>(numbers(folder.tensors()));
            parts.add(folder.config().get("number").getAsInt());
            parts.add(Integer.parseInt(Files.readString(target.resolve("drop-plan.json"))));
            return one(parts);
        }
    }

    private static void gguf(Path target, int number) {
        try (GgufFile like = GgufFile.open(Golden.root().resolve("gguf/llama3.gguf"))) {
            List<TensorInfo> infos = like.names().stream()
                    .map(name -> new TensorInfo(name, "F32", like.info(name).shape()))
                    .toList();
            try (GgufWriter out = GgufWriter.create(target, like.values(), GgufStorage.F32, infos, new float[0])) {
                for (TensorInfo info : infos) {
                    float[] values = new float[(int) info.elements()];
                    Arrays.fill(values, number);
                    out.write(info.name(), values);
                }
                out.finish();
            }
        }
    }

    private static Set<Integer> readGguf(Path target) {
        if (!Files.exists(target)) {
            return Set.of();
        }
        try (GgufFile file = GgufFile.open(target)) {
            return one(numbers(file));
        }
    }

    private static void plan(Path target, int number) {
        List<ModuleSite> dropped = List.of(new ModuleSite(0, ModuleKind.MLP));
        new DropPlan("m" + number, 3, dropped, 0.25, 0.2, Provenance.of("p" + number)).save(target);
    }

    private static Set<Integer> readPlan(Path target) {
        return Files.exists(target)
                ? Set.of(Integer.parseInt(DropPlan.open(target).method().substring(1)))
                : Set.of();
    }

    private static void row(Path target, int number) {
        StudyRow row = FuzzKept.row();
        new StudyRow(
                        row.method(),
                        row.wanted(),
                        number,
                        row.blocks(),
                        row.all(),
                        row.tasks(),
                        row.perplexities(),
                        row.answers(),
                        number,
                        row.scoredSeconds(),
                        row.identity(),
                        row.provenance())
                .save(target);
    }

    private static Set<Integer> readRow(Path target) {
        if (!Files.exists(target)) {
            return Set.of();
        }
        StudyRow row = StudyRow.open(target);
        return one(List.of((int) row.seed(), (int) row.madeSeconds()));
    }

    private static void table(Path target, int number) {
        TextTable.of("", Column.number("n", 0), Column.number("again", 0))
                .withRow(number, number)
                .save(target);
    }

    private static Set<Integer> readTable(Path target) throws IOException {
        if (!Files.exists(target)) {
            return Set.of();
        }
        List<String> lines = Files.readAllLines(target);
        return one(Arrays.stream(lines.get(1).split(","))
                .map(value -> (int) Double.parseDouble(value))
                .toList());
    }

    private static void point(Path target, int number) {
        SweptPoints.put(target, "" + number, number + 1);
    }

    private static Set<Integer> readPoints(Path target) {
        return Files.exists(target) ? checked(SweptPoints.read(target, KEYS), 1) : Set.of();
    }

    private static void score(Path target, int number) {
        StoredScores.put(target, "" + number, -number);
    }

    private static Set<Integer> readScores(Path target) {
        return Files.exists(target) ? checked(StoredScores.read(target, KEYS), 0) : Set.of();
    }

    private static Set<Integer> checked(Map<String, Double> found, int more) {
        return found.entrySet().stream()
                .map(entry -> one(List.of(Integer.parseInt(entry.getKey()), (int) Math.abs(entry.getValue()) - more))
                        .iterator()
                        .next())
                .collect(Collectors.toSet());
    }

    private static List<String> texts(int number) {
        String line =
                IntStream.range(0, 2_000).mapToObj(i -> "" + (i + number) % 90).collect(Collectors.joining(" "));
        return List.of(number + " " + number, line, line);
    }

    private static void tokens(Path target, int number) {
        PackedTokens.encode(texts(number).iterator(), Golden.numbers(10_000), 10_000, target);
    }

    private static Set<Integer> readTokens(Path target) {
        if (!Files.exists(target)) {
            return Set.of();
        }
        int first = 2 * Integer.parseInt(String.valueOf(target.getFileName()).replaceAll("[^0-9]", ""));
        try {
            tokens(target, first);
            return Set.of(first);
        } catch (DataException e) {
            tokens(target, first + 1);
            return Set.of(first + 1);
        }
    }

    /** What a server gives out. */
    static byte[] download() {
        byte[] bytes = new byte[400_000];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31 + i / 1000);
        }
        return bytes;
    }

    private static Dataset set(Optional<String> member) {
        URI from = URI.create(System.getProperty(SERVER, "https://example.org") + "/archive.zip");
        DataFile file = new DataFile(
                "a.bin",
                Optional.of(from),
                OptionalLong.empty(),
                member.isPresent() ? Optional.empty() : Optional.of(Sha256.of(download())),
                member);
        return new Dataset(
                "set", "A set", "https://example.org", "Free", "https://example.org", "tests", "", List.of(file));
    }

    private static void fetch(Path target, Optional<String> member) {
        new DatasetFetcher(target, Optional.empty()).fetch(set(member), "Free", ProgressObserver.silent());
    }

    private static void member(Path target, int number) throws IOException {
        Path archive = target.resolve("set/archive.zip");
        if (!Files.exists(archive)) {
            Files.createDirectories(target.resolve("set"));
            AtomicFile.write(archive, ByteBuffer.wrap(FuzzBytes.zip("inside.bin", download())));
        }
        fetch(target, Optional.of("inside.bin"));
    }

    private static Set<Integer> readMember(Path target) throws IOException {
        return found(target, target.resolve("set/a.bin"), download());
    }

    private static void download(Path target, int number) {
        fetch(target, Optional.empty());
    }

    private static Set<Integer> readDownload(Path target) throws IOException {
        return found(target, target.resolve("set/a.bin"), download());
    }

    private static void hub(Path target, int number) {
        ServedHub.load(System.getProperty(HUB, "https://example.org"), target);
    }

    private static Set<Integer> readHub(Path target) throws IOException {
        Optional<Path> weights = ServedHub.find(target);
        return weights.isPresent() ? found(target, weights.get(), ServedHub.weights()) : Set.of();
    }

    // What is the same for all is told by the place's even number.
    private static Set<Integer> found(Path target, Path file, byte[] wanted) throws IOException {
        if (!Files.exists(file)) {
            return Set.of();
        }
        if (!Arrays.equals(wanted, Files.readAllBytes(file))) {
            throw new AssertionError(file + " is not what was to come");
        }
        return Set.of(2 * Integer.parseInt(String.valueOf(target.getFileName()).replaceAll("[^0-9]", "")));
    }
}
