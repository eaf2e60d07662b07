package org.skipgpt.studies;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.skipgpt.SkipGpt;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Times;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.weights.WeightSaver;

/** Loading a folder of about 1 GB, and the time from the start of a JVM to a model's first token, in own processes. */
final class LoadTimes {
    private static final DecoderConfig GIGABYTE = DecoderConfig.llama(32768, 1024, 2816, 20, 16, 8);

    private final Line out;

    /** Takes a formatted line. */
    @FunctionalInterface
    interface Line {
        void line(String format, Object... values);
    }

    LoadTimes(Line out) {
        this.out = out;
    }

    void measure(int repeats) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory(Path.of("target"), "gigabyte");
        Path saved = folder.resolve("model");
        try {
            process("save", saved.toString());
            Path weights = saved.resolve("model.safetensors");
            double bytes = Files.size(weights);
            out.line("## Loading%n%n| what | value |%n| --- | --- |");
            double cold = read(weights);
            double warm = read(weights);
            out.line("| reading the file of %.2f GB alone, twice | %.2f s, %.2f s |", bytes / 1e9, cold, warm);
            List<String> empty = process("nothing", "");
            for (String dtype : List.of("fp32", "bf16")) {
                List<String> loaded = process("load", saved.toString(), dtype);
                double target = bytes * (dtype.equals("fp32") ? 1 : 0.5);
                double before = Double.parseDouble(empty.get(1));
                out.line(
                        "| loading it as %s; with a first pass, which compiles the program and orders matrices | %s s; %s s |",
                        dtype, loaded.get(0), loaded.get(2));
                out.line(
                        "| peak memory of that as %s, above a JVM with libtorch, over the weights' bytes | %.2f; %.2f |",
                        dtype,
                        1024 * (Double.parseDouble(loaded.get(1)) - before) / target,
                        1024 * (Double.parseDouble(loaded.get(3)) - before) / target);
            }
            Path stories = Path.of(System.getenv().getOrDefault("SKIPGPT_SHARED", "../../shared"))
                    .resolve("data/stories260K/stories260K.bin");
            if (Files.exists(stories)) {
                double[] seconds = new double[repeats];
                for (int i = -1; i < repeats; i++) {
                    List<String> lines = process("first", stories.toString());
                    if (i >= 0) {
                        seconds[i] = Double.parseDouble(lines.get(lines.size() - 1));
                    }
                }
                out.line(
                        "| start of the JVM to the first token of stories260K, warm | %.2f s |",
                        Times.of(seconds).median());
            }
        } finally {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
    }

    private static double read(Path file) throws IOException {
        long start = System.nanoTime();
        ByteBuffer piece = ByteBuffer.allocateDirect(1 << 22);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            int n;
            do {
                n = channel.read(piece.clear());
            } while (n >= 0);
        }
        return (System.nanoTime() - start) / 1e9;
    }

    // The lines a process prints, then the seconds until the first of them.
    private static List<String> process(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx1g",
                "-Dai.djl.offline=true",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                LoadTimes.class.getName()));
        command.addAll(List.of(arguments));
        long start = System.nanoTime();
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        List<String> lines = new ArrayList<>();
        double first = 0;
        try (BufferedReader in = process.inputReader()) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                first = lines.isEmpty() ? (System.nanoTime() - start) / 1e9 : first;
                lines.add(line);
            }
        }
        if (process.waitFor() != 0) {
            throw new IOException("measuring " + String.join(" ", arguments) + " failed");
        }
        lines.add(Double.toString(first));
        return lines;
    }

    /** Forgets the peak of this process's memory (Linux); the next peak counts from now. */
    static void forgetPeak() throws IOException {
        Files.writeString(Path.of("/proc/self/clear_refs"), "5");
    }

    /** Runs in a process of its own; prints seconds since its start and KiB of memory that no file backs, at the peak. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments[0].equals("first")) {
            SkipGpt.workspace("cpu", "fp32");
            LanguageModel model = SkipGpt.load(arguments[1]);
            model.generate(GenerationOptions.defaults().withMaxTokens(1), System.out::println, "Once upon");
            return;
        }
        SkipGpt.workspace("cpu", arguments.length > 2 ? arguments[2] : "fp32");
        Tokenizer numbers = Golden.numbers(GIGABYTE.vocabulary());
        long[] peak = {0};
        Thread watch = new Thread(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                peak[0] = Math.max(peak[0], ownKib());
                LockSupport.parkNanos(2_000_000);
            }
        });
        watch.start();
        long start = System.nanoTime();
        if (arguments[0].equals("save")) {
            LanguageModel model = SkipGpt.random(GIGABYTE, numbers, 1);
            Path folder = Path.of(arguments[1]);
            WeightSaver.save(
                    GIGABYTE, model.decoder().weights(), Dtype.FP32, numbers, Path.of("src/test/resources"), folder);
            Files.copy(Path.of("../datasets/world/tokenizer.json"), folder.resolve("tokenizer.json"));
        } else if (arguments[0].equals("load")) {
            LanguageModel model = SkipGpt.load(arguments[1], ProgressObserver.silent());
            print(start, Math.max(peak[0], ownKib()));
            model.logits(new int[] {1});
        }
        watch.interrupt();
        watch.join();
        print(start, Math.max(peak[0], ownKib()));
    }

    private static void print(long start, long kib) {
        System.out.printf("%.2f%n%d%n", (System.nanoTime() - start) / 1e9, kib);
    }

    private static long ownKib() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("RssAnon:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .findFirst()
                    .orElse(0);
        } catch (IOException e) {
            return 0;
        }
    }
}
