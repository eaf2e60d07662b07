package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.skipgpt.io.GgufFile;
import org.skipgpt.io.HuggingFaceFolder;
import org.skipgpt.io.Narrowing;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Session;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.shape.ConfigJson;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.Placement;
import org.skipgpt.weights.WeightLoader;
import org.skipgpt.weights.WeightReads;

/**
 * The measurements of the page docs/large.md, printed as Markdown. A measurement, not a test.
 *
 * <p>{@code shape NAME LAYERS FOLDER REAL}: a model of random weights of the shape of LLaMA-2-13B ({@code 13b}), LLaMA-2-70B ({@code 70b}) or
 * a thousandth of it ({@code small}), its layers streamed from a file in FOLDER whose first REAL layers hold random numbers and whose
 * others are holes; prefill, decoding, and both with a share skipped. {@code curve FILE}: bytes that decoding reads of a GGUF file, by batch and
 * share.
 *
 * <p>{@code -Dskipgpt.resident=GIB} ends with an error where the process ever held more. Runs in {@code skipgpt/}.
 */
public final class LargePage {
    private static final int PREFILL = Integer.getInteger("skipgpt.prefill", 256);
    private static final int DECODED = Integer.getInteger("skipgpt.decoded", 3);
    private static final double GIB = 1L << 30;
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private LargePage() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("curve")) {
            curve(Path.of(arguments[1]));
        } else {
            shape(arguments[1], Integer.parseInt(arguments[2]), Path.of(arguments[3]), Integer.parseInt(arguments[4]));
        }
        double most = status("VmHWM") / GIB;
        OUT.printf(Locale.ROOT, "%nmost memory ever resident: %.2f GiB%n", most);
        double allowed = Double.parseDouble(System.getProperty("skipgpt.resident", "Infinity"));
        if (most > allowed) {
            throw new IllegalStateException("the process held " + most + " GiB, allowed are " + allowed);
        }
    }

    private static DecoderConfig config(String name, int layers) {
        return switch (name) {
            case "13b" -> untied(DecoderConfig.llama(32000, 5120, 13824, layers, 40, 40));
            case "70b" -> untied(DecoderConfig.llama(32000, 8192, 28672, layers, 64, 8));
            case "small" -> untied(DecoderConfig.llama(3200, 512, 1408, layers, 8, 8));
            default -> throw new IllegalArgumentException("no shape " + name + ": 13b, 70b or small");
        };
    }

    private static DecoderConfig untied(DecoderConfig config) {
        JsonObject json = ConfigJson.write(config);
        json.addProperty("tie_word_embeddings", false);
        return ConfigJson.read(json);
    }

    // The file is as long as a real one and takes disk for the layers that hold numbers.
    private static void write(DecoderConfig config, Path folder, int real) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(
                folder.resolve("config.json"), ConfigJson.write(config).toString());
        JsonObject header = new JsonObject();
        long end = 0;
        end = tensor(header, "model.embed_tokens.weight", end, config.vocabulary(), config.width());
        for (int layer = 0; layer < config.layers(); layer++) {
            for (ModuleKind module : ModuleKind.values()) {
                for (LayerTensors.Fused fused : LayerTensors.of(config, layer).of(module)) {
                    for (LayerTensors.Tensor tensor : fused.tensors()) {
                        end = tensor(header, tensor.name(), end, tensor.shape());
                    }
                }
            }
        }
        end = tensor(header, "model.norm.weight", end, config.width());
        end = tensor(header, "lm_head.weight", end, config.vocabulary(), config.width());
        byte[] text = header.toString().getBytes(StandardCharsets.UTF_8);
        Path file = folder.resolve("model.safetensors");
        Files.deleteIfExists(file);
        try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
            raw.setLength(8L + text.length + end);
        }
        long numbers = 8L + text.length;
        long upTo = offset(
                header,
                real < config.layers() ? "model.layers." + real + ".input_layernorm.weight" : "model.norm.weight");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteBuffer length =
                    ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, text.length);
            channel.write(length, 0);
            channel.write(ByteBuffer.wrap(text), 8);
            ByteBuffer drawn = drawn();
            for (long at = 0; at < upTo; at += drawn.capacity()) {
                drawn.clear().limit((int) Math.min(drawn.capacity(), upTo - at));
                channel.write(drawn, numbers + at);
            }
            long norm = offset(header, "model.norm.weight");
            drawn.clear().limit((int) Math.min(drawn.capacity(), end - norm));
            channel.write(drawn, numbers + norm);
            channel.force(true);
        }
        OUT.printf(
                Locale.ROOT,
                "file of %.2f GiB, %.2f GiB of it written%n%n",
                Files.size(file) / GIB,
                (upTo + drawn().capacity()) / GIB);
    }

    private static long tensor(JsonObject header, String name, long begin, long... shape) {
        long end = begin + 2 * Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        JsonObject entry = new JsonObject();
        entry.addProperty("dtype", "BF16");
        JsonArray sizes = new JsonArray();
        Arrays.stream(shape).forEach(sizes::add);
        entry.add("shape", sizes);
        JsonArray range = new JsonArray();
        range.add(begin);
        range.add(end);
        entry.add("data_offsets", range);
        header.add(name, entry);
        return end;
    }

    private static long offset(JsonObject header, String name) {
        return header.getAsJsonObject(name)
                .getAsJsonArray("data_offsets")
                .get(0)
                .getAsLong();
    }

    // Four million draws of a normal with the deviation of an initialised model, over and over.
    private static ByteBuffer drawn() {
        SplittableRandom random = new SplittableRandom(7);
        ByteBuffer bytes = ByteBuffer.allocateDirect(8 << 20).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            double normal =
                    Math.sqrt(-2 * Math.log(1 - random.nextDouble())) * Math.cos(2 * Math.PI * random.nextDouble());
            bytes.putShort(Narrowing.brainFloat((float) (0.02 * normal)));
        }
        return bytes.flip();
    }

    private static void shape(String name, int layers, Path folder, int real) throws IOException {
        DecoderConfig config = config(name, layers);
        write(config, folder, real);
        try (NDManager manager = Torch.manager(Device.cpu());
                HuggingFaceFolder open = HuggingFaceFolder.open(folder)) {
            Placement placement = placement("streamed", config, open.tensors());
            OUT.println(placement.text() + System.lineSeparator());
            long begun = System.nanoTime();
            LanguageModel model = LanguageModel.dense(
                    name,
                    "none",
                    Golden.numbers(config.vocabulary()),
                    config,
                    WeightLoader.load(config, open.tensors(), manager, Dtype.FP32, List.of(), placement));
            OUT.printf(
                    Locale.ROOT,
                    "loaded in %.1f s, then resident %.2f GiB; Java heap up to %.2f GiB%n%n",
                    (System.nanoTime() - begun) / 1e9,
                    status("VmRSS") / GIB,
                    Runtime.getRuntime().maxMemory() / GIB);
            OUT.println(
                    "| what | skipped | s a layer | of it waited for weights | reading thread, s a layer | MiB read a layer"
                            + " | of a dense pass |");
            OUT.println("| --- | --- | --- | --- | --- | --- | --- |");
            for (String asked :
                    System.getProperty("skipgpt.shares", "0,0.25,0.5").split(",")) {
                double share = Double.parseDouble(asked);
                for (Pattern pattern :
                        share == 0 ? List.of(Pattern.UNIFORM) : List.of(Pattern.UNIFORM, Pattern.BY_LAYER)) {
                    measure(model, placement, share, pattern);
                }
            }
        }
    }

    private static Placement placement(String map, DecoderConfig config, TensorSource tensors) {
        return Placement.of(
                map, config, Dtype.FP32, Map.of("cpu", MemoryLeft.now().available()), tensors);
    }

    private static void measure(LanguageModel dense, Placement placement, double share, Pattern pattern) {
        int layers = dense.config().layers();
        LayerPolicy policy = share == 0
                ? LayerPolicy.dense()
                : new ForcedPolicy(share, share, pattern, KvPolicy.DEFERRED, layers, 3);
        LanguageModel model = dense.withPolicy(policy).alwaysPacked();
        int[] text = new SplittableRandom(5)
                .ints(PREFILL + DECODED, 0, dense.config().vocabulary())
                .toArray();
        String skipped = share == 0
                ? "none"
                : String.format(
                        Locale.ROOT,
                        "%.0f %% %s",
                        100 * share,
                        pattern == Pattern.BY_LAYER ? "of modules" : "of tokens");
        try (Session session = model.session(1)) {
            row(
                    "prefill of " + PREFILL,
                    skipped,
                    dense,
                    placement,
                    1,
                    () -> session.append(Arrays.copyOf(text, PREFILL)));
            row("a new token", skipped, dense, placement, DECODED, () -> {
                for (int t = 0; t < DECODED; t++) {
                    session.append(new int[] {text[PREFILL + t]});
                }
            });
        }
    }

    private static void row(
            String what, String skipped, LanguageModel model, Placement placement, int passes, Runnable work) {
        WeightReads before = model.reads().orElseThrow();
        long begun = System.nanoTime();
        work.run();
        double seconds = (System.nanoTime() - begun) / 1e9;
        WeightReads read = model.reads().orElseThrow().since(before);
        double layers = (double) passes * model.config().layers();
        OUT.printf(
                Locale.ROOT,
                "| %s | %s | %.2f | %.2f | %.2f | %.1f | %.2f |%n",
                what,
                skipped,
                seconds / layers,
                read.waitSeconds() / layers,
                read.readSeconds() / layers,
                read.bytes() / layers / (1 << 20),
                read.bytes() / ((double) passes * placement.bytesOfAPass()));
    }

    private static void curve(Path path) {
        try (NDManager manager = Torch.manager(Device.cpu());
                GgufFile file = GgufFile.open(path)) {
            DecoderConfig config = ConfigJson.read(file.config());
            Placement placement = placement("streamed", config, file);
            OUT.println(placement.text() + System.lineSeparator());
            LanguageModel model = LanguageModel.dense(
                    "curve",
                    "none",
                    Golden.numbers(config.vocabulary()),
                    config,
                    WeightLoader.load(config, file, manager, Dtype.FP32, List.of(), placement));
            OUT.println("| skipped | K/V | batch 1 | 2 | 4 | 8 | 16 | 1 - s^16 |");
            OUT.println("| --- | --- | --- | --- | --- | --- | --- | --- |");
            for (KvPolicy kv : List.of(KvPolicy.EXECUTED, KvPolicy.KEEP)) {
                for (double share : new double[] {0.25, 0.4, 0.6, 0.8}) {
                    StringBuilder row = new StringBuilder();
                    for (int batch : new int[] {1, 2, 4, 8, 16}) {
                        row.append(String.format(Locale.ROOT, " %.3f |", step(model, placement, kv, share, batch)));
                    }
                    OUT.printf(
                            Locale.ROOT, "| %.0f %% | %s |%s %.3f |%n", 100 * share, kv, row, 1 - Math.pow(share, 16));
                }
            }
        }
    }

    /** Share of a dense pass that a new token of each of some sequences reads. */
    private static double step(LanguageModel dense, Placement placement, KvPolicy kv, double share, int batch) {
        LanguageModel model = dense.withPolicy(new ForcedPolicy(
                        share, share, Pattern.UNIFORM, kv, dense.config().layers(), 3))
                .alwaysPacked();
        SplittableRandom random = new SplittableRandom(batch);
        long bytes = 0;
        try (Session session = model.session(batch)) {
            for (int t = 0; t < DECODED; t++) {
                int[][] tokens = new int[batch][];
                for (int s = 0; s < batch; s++) {
                    tokens[s] = new int[] {random.nextInt(dense.config().vocabulary())};
                }
                WeightReads before = model.reads().orElseThrow();
                session.append(tokens);
                bytes += model.reads().orElseThrow().since(before).bytes();
            }
        }
        return bytes / ((double) DECODED * placement.bytesOfAPass());
    }

    /** A number of this process in bytes; 0 where the system does not say it. */
    private static double status(String name) throws IOException {
        Path own = Path.of("/proc/self/status");
        if (!Files.isReadable(own)) {
            return 0;
        }
        for (String line : Files.readAllLines(own)) {
            if (line.startsWith(name + ":")) {
                return 1024.0 * Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return 0;
    }
}
