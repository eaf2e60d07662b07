package org.skipgpt;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.skipgpt.data.ChatMessage;
import org.skipgpt.data.ChatTemplate;
import org.skipgpt.data.DataException;
import org.skipgpt.data.DataRow;
import org.skipgpt.data.DataRows;
import org.skipgpt.data.DatasetManifest;
import org.skipgpt.data.TextFiles;
import org.skipgpt.data.TextUnit;
import org.skipgpt.data.Tokenizers;
import org.skipgpt.eval.ScoreStore;
import org.skipgpt.eval.TaskException;
import org.skipgpt.eval.Tasks;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Llama2cFile;
import org.skipgpt.io.ProvenanceJson;
import org.skipgpt.io.SafeTensors;
import org.skipgpt.io.TensorSource;
import org.skipgpt.io.TorchFile;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.model.ConfigJson;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Provenance;

/**
 * Damages files of every kind that is read from outside and sees that each is read or refused with an error of ours that
 * names it: never a raw exception, an error of the JVM or its end.
 *
 * <p>The tests take some of each; by hand, {@code main} takes as many as its argument says and prints a table.
 */
final class FuzzReaders {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final List<String> HUGE = List.of(
            "1e999",
            "-1",
            "0",
            "1e308",
            "2147483648",
            "9223372036854775808",
            "2000000000",
            "0.5",
            "null",
            "true",
            "\"\"",
            "\"x\"",
            "[]",
            "{}",
            "[[[[]]]]",
            "NaN",
            "1".repeat(400));
    private static final Pattern VALUE = Pattern.compile("-?[0-9][0-9.eE+-]*|\"[^\"]*\"|true|false|null");

    /** Reads a file, whatever that takes. */
    interface Reading {
        void of(Path file) throws IOException;
    }

    /**
     * One kind of file.
     *
     * @param name the file's name in the folder
     * @param good an undamaged one
     * @param beside what else must lie in the folder, by name
     */
    record Target(String kind, String name, byte[] good, Map<String, byte[]> beside, Reading reading) {
        @Override
        public String toString() {
            return kind;
        }
    }

    private FuzzReaders() {}

    static List<Target> targets() throws IOException {
        byte[] lines = "{\"text\":\"one\",\"n\":1}\n{\"text\":\"two\",\"l\":[1,{\"a\":null}]}\n"
                .getBytes(StandardCharsets.UTF_8);
        return List.of(
                file(
                        "safetensors",
                        GOLDEN.resolve("rivals/similarity_llama3.safetensors"),
                        f -> all(SafeTensors.open(f))),
                file("torch", GOLDEN.resolve("torch/formats.pth"), f -> all(TorchFile.open(f))),
                file("state_dict", GOLDEN.resolve("torch/state_dict.pth"), f -> all(TorchFile.open(f))),
                file("gguf", GOLDEN.resolve("gguf/llama3.gguf"), f -> all(GgufFile.open(f))),
                file("gguf tokenizer", GOLDEN.resolve("gguf/qwen3.gguf"), f -> Tokenizers.open(f)),
                new Target("llama2.c", "model.bin", llama2c(), Map.of(), f -> all(Llama2cFile.open(f))),
                new Target("llama2.c tokenizer", "tokenizer.bin", pieces(), Map.of(), f -> Tokenizers.open(f)),
                new Target(
                        "index",
                        "model.safetensors.index.json",
                        "{\"metadata\":{\"total_size\":8},\"weight_map\":{\"a\":\"x.safetensors\"}}"
                                .getBytes(StandardCharsets.UTF_8),
                        Map.of("config.json", "{}".getBytes(StandardCharsets.UTF_8), "x.safetensors", tensor()),
                        f -> HuggingFaceFolder.open(folder(f)).close()),
                file("config", GOLDEN.resolve("families/gemma2/config.json"), FuzzReaders::config),
                file("config llama31", GOLDEN.resolve("families/llama31/config.json"), FuzzReaders::config),
                file("peft", GOLDEN.resolve("peft/adapter/adapter_config.json"), f -> PeftFolder.config(folder(f))),
                new Target(
                        "generation config",
                        "generation_config.json",
                        "{\"bos_token_id\": 1, \"eos_token_id\": [2, 5], \"temperature\": 0.6}"
                                .getBytes(StandardCharsets.UTF_8),
                        smollm(),
                        f -> Tokenizers.open(folder(f))),
                new Target("chat template", "chat_template.jinja", chat(), Map.of(), FuzzReaders::conversation),
                file("tokenizer", GOLDEN.resolve("tokenizer/shapes/smollm/tokenizer.json"), f -> Tokenizers.open(f)),
                file("unigram", GOLDEN.resolve("tokenizer/shapes/unigram/tokenizer.json"), f -> Tokenizers.open(f)),
                pair("tokenizer settings", "tokenizer_config.json", "tokenizer.json"),
                pair("vocabulary", "vocab.json", "merges.txt", "tokenizer_config.json"),
                pair("merges", "merges.txt", "vocab.json", "tokenizer_config.json"),
                new Target("jsonl", "a.jsonl", lines, Map.of(), FuzzReaders::rows),
                new Target("jsonl.gz", "a.jsonl.gz", gzip(lines), Map.of(), FuzzReaders::rows),
                new Target(
                        "jsonl.zst",
                        "a.jsonl.zst",
                        com.github.luben.zstd.Zstd.compress(lines),
                        Map.of(),
                        FuzzReaders::rows),
                new Target(
                        "json",
                        "a.json",
                        "[{\"text\":\"one\",\"n\":1.5},{\"text\":\"two\"}]".getBytes(StandardCharsets.UTF_8),
                        Map.of(),
                        FuzzReaders::rows),
                new Target(
                        "csv",
                        "a.csv",
                        "text,n\n\"a, \"\"b\"\"\nc\",1\nd,2\n".getBytes(StandardCharsets.UTF_8),
                        Map.of(),
                        FuzzReaders::rows),
                new Target(
                        "text",
                        "a.txt",
                        "one\n\ntwo\r\nthree é".getBytes(StandardCharsets.UTF_8),
                        Map.of(),
                        FuzzReaders::rows),
                file("parquet", GOLDEN.resolve("parquet/types-snappy.parquet"), FuzzReaders::rows),
                file("parquet gzip", GOLDEN.resolve("parquet/types-gzip.parquet"), FuzzReaders::rows),
                file("parquet zstd", GOLDEN.resolve("parquet/types-zstd.parquet"), FuzzReaders::rows),
                file("parquet lz4", GOLDEN.resolve("parquet/types-lz4.parquet"), FuzzReaders::rows),
                file("task", Path.of("src/main/resources/org/skipgpt/eval/tasks/piqa.json"), f -> Tasks.open(f)),
                file("manifest", Path.of("../datasets/manifest.json"), f -> DatasetManifest.read(f)),
                new Target("drop plan", "plan.json", plan(), Map.of(), f -> DropPlan.open(f)),
                new Target(
                        "provenance",
                        "a.json",
                        Provenance.of("x").withSeed(7).toJson().getBytes(StandardCharsets.UTF_8),
                        Map.of(),
                        f -> ProvenanceJson.read(JsonFields.of(f))),
                new Target(
                        "scores",
                        "a.jsonl",
                        "{\"key\":\"a\",\"logLikelihoods\":[-1.5],\"sum\":\"0\"}\n".getBytes(StandardCharsets.UTF_8),
                        Map.of(),
                        f -> ScoreStore.open(f).close()));
    }

    private static Target file(String kind, Path good, Reading reading) throws IOException {
        String name = String.valueOf(good.getFileName());
        return new Target(kind, name, Files.readAllBytes(good), Map.of(), reading);
    }

    private static Target pair(String kind, String name, String... beside) throws IOException {
        Path folder = GOLDEN.resolve("tokenizer/shapes/" + (beside.length == 1 ? "smollm" : "qwen2-files"));
        Map<String, byte[]> others = new LinkedHashMap<>();
        for (String one : beside) {
            others.put(one, Files.readAllBytes(folder.resolve(one)));
        }
        return new Target(
                kind, name, Files.readAllBytes(folder.resolve(name)), others, f -> Tokenizers.open(folder(f)));
    }

    private static Map<String, byte[]> smollm() throws IOException {
        return Map.of("tokenizer.json", Files.readAllBytes(GOLDEN.resolve("tokenizer/shapes/smollm/tokenizer.json")));
    }

    private static byte[] chat() throws IOException {
        return JsonFields.of(GOLDEN.resolve("chat/chat.json"))
                .object("templates")
                .object("qwen3")
                .text("template")
                .getBytes(StandardCharsets.UTF_8);
    }

    private static void conversation(Path file) {
        ChatTemplate.in(folder(file))
                .orElseThrow()
                .render(List.of(ChatMessage.user("Hello"), ChatMessage.assistant("<think>a</think>b")), true);
    }

    private static Path folder(Path file) {
        return Optional.ofNullable(file.getParent()).orElseThrow();
    }

    private static void all(TensorSource source) {
        try (source) {
            for (String name : source.names()) {
                if (source.info(name).elements() < 1 << 20) {
                    try {
                        source.floats(name);
                    } catch (CheckpointException e) {
                        // whole numbers are no weights; the message names the tensor
                        if (!String.valueOf(e.getMessage()).contains(name)) {
                            throw e;
                        }
                    }
                }
            }
        }
    }

    private static void config(Path file) {
        ConfigJson.read(org.skipgpt.io.Json.object(file));
    }

    private static void rows(Path file) {
        for (TextUnit unit : List.of(TextUnit.LINE, TextUnit.FILE)) {
            try (Stream<DataRow> rows = DataRows.open(file, unit, fault -> {
                if (!fault.file().equals(file.toString())) {
                    throw new AssertionError("a fault without its file: " + fault);
                }
            })) {
                rows.forEach(row -> row.text("text"));
            }
            if (!DataRows.isPlain(file)) {
                return;
            }
        }
        try (Stream<String> texts = TextFiles.of(file).open(fault -> {})) {
            texts.forEach(Objects::requireNonNull);
        }
    }

    private static byte[] llama2c() {
        // dim 4, hidden 4, 1 layer, 1 head, 1 kvHead, vocab 3, context 2, shared head
        int floats = 3 * 4 + 4 + 4 * 16 + 4 + 3 * 16 + 4 + 2 * 4;
        ByteBuffer out = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
        for (int size : new int[] {4, 4, 1, 1, 1, 3, 2}) {
            out.putInt(size);
        }
        return out.array();
    }

    private static byte[] pieces() {
        ByteBuffer out =
                ByteBuffer.allocate(4 + 9 * 300).order(ByteOrder.LITTLE_ENDIAN).putInt(1);
        for (int i = 0; i < 300; i++) {
            out.putFloat(-i).putInt(1).put((byte) ('a' + i % 26));
        }
        return out.array();
    }

    private static byte[] tensor() {
        byte[] header =
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ".getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(16 + header.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .array();
    }

    private static byte[] plan() {
        String json = "{\"method\":\"m\",\"layers\":3,\"dropped\":[\"attention 1\",\"mlp 2\"],\"parameterRatio\":0.25,"
                + "\"allParameterRatio\":0.2,\"provenance\":"
                + Provenance.of("x").toJson() + "}";
        return json.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packed = new GZIPOutputStream(out)) {
            packed.write(bytes);
        }
        return out.toByteArray();
    }

    /** A damaged copy; the same seed gives the same. */
    static byte[] damaged(byte[] good, SplittableRandom random) {
        byte[] bytes = good.clone();
        int times = 1 + random.nextInt(3);
        for (int i = 0; i < times && bytes.length > 0; i++) {
            bytes = once(bytes, random);
        }
        return bytes;
    }

    private static byte[] once(byte[] bytes, SplittableRandom random) {
        // headers come first in most formats, so half of the places are there
        int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 400));
        switch (random.nextInt(8)) {
            case 0:
                return Arrays.copyOf(bytes, at);
            case 1:
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                return bytes;
            case 2:
                bytes[at] = (byte) random.nextInt(256);
                return bytes;
            case 3:
                long[] large = {-1, Long.MAX_VALUE, Integer.MAX_VALUE, 1L << 31, 1L << 40, 0, 0x7fffffff00000000L, 1};
                ByteBuffer value = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
                value.putLong(0, large[random.nextInt(large.length)]);
                System.arraycopy(
                        value.array(), 0, bytes, at, Math.min(bytes.length - at, random.nextBoolean() ? 4 : 8));
                return bytes;
            case 4:
                int length = Math.min(bytes.length - at, 1 + random.nextInt(40));
                return joined(Arrays.copyOf(bytes, at), Arrays.copyOfRange(bytes, at + length, bytes.length));
            case 5:
                int again = Math.min(bytes.length - at, 1 + random.nextInt(40));
                return joined(Arrays.copyOf(bytes, at + again), Arrays.copyOfRange(bytes, at, bytes.length));
            default:
                return replaced(bytes, random);
        }
    }

    private static byte[] joined(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    /** Another value, or name, where one stands in the text; for bytes that are no text something like it. */
    private static byte[] replaced(byte[] bytes, SplittableRandom random) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        List<MatchResult> places = VALUE.matcher(text).results().limit(20_000).toList();
        if (places.isEmpty()) {
            return bytes;
        }
        MatchResult place = places.get(random.nextInt(places.size()));
        String other = HUGE.get(random.nextInt(HUGE.size()));
        return (text.substring(0, place.start()) + other + text.substring(place.end()))
                .getBytes(StandardCharsets.ISO_8859_1);
    }

    /** What is wrong with how a damaged file is met; empty where it is read, or refused as it should be. */
    static Optional<String> fault(Target target, byte[] damaged, Path folder) throws IOException {
        Path file = folder.resolve(target.name());
        for (Map.Entry<String, byte[]> other : target.beside().entrySet()) {
            Files.write(folder.resolve(other.getKey()), other.getValue());
        }
        Files.write(file, damaged);
        try {
            target.reading().of(file);
            return Optional.empty();
        } catch (CheckpointException | DataException | TaskException | IOException | UncheckedIOException e) {
            return named(e, target);
        } catch (IllegalArgumentException e) {
            return e.getClass() == IllegalArgumentException.class ? named(e, target) : Optional.of(e.toString());
        } catch (Throwable e) {
            StackTraceElement[] stack = e.getStackTrace();
            return Optional.of(e + " at " + Arrays.asList(stack).subList(0, Math.min(6, stack.length)));
        }
    }

    private static Optional<String> named(Exception e, Target target) {
        String message = String.valueOf(e.getMessage());
        return message.contains(target.name()) ? Optional.empty() : Optional.of("without the file's name: " + e);
    }

    /** Takes mutations a kind (first argument), and the kind's name if one alone is wanted; prints a table. */
    public static void main(String[] arguments) throws IOException {
        int count = Integer.parseInt(arguments[0]);
        for (Target target : targets()) {
            if (arguments.length > 1 && !target.kind().equals(arguments[1])) {
                continue;
            }
            Path folder = Files.createTempDirectory("fuzz");
            Map<String, Integer> faults = new LinkedHashMap<>();
            long slowest = 0;
            SplittableRandom random = new SplittableRandom(18);
            for (int i = 0; i < count; i++) {
                byte[] damaged = damaged(target.good(), random);
                long start = System.nanoTime();
                Optional<String> fault = fault(target, damaged, folder);
                slowest = Math.max(slowest, System.nanoTime() - start);
                fault.ifPresent(f -> faults.merge(f.replaceAll("[0-9]+", "N"), 1, Integer::sum));
            }
            System.out.printf(
                    "%-20s %8d mutations, %6d faults, slowest %d ms%n",
                    target.kind(),
                    count,
                    faults.values().stream().mapToInt(Integer::intValue).sum(),
                    slowest / 1_000_000);
            faults.entrySet().stream()
                    .limit(12)
                    .forEach(f -> System.out.println("   " + f.getValue() + " x " + f.getKey()));
        }
    }
}
