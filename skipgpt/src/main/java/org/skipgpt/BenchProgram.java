package org.skipgpt;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.skipgpt.bench.Contestant;
import org.skipgpt.bench.LlamaBench;
import org.skipgpt.bench.OwnModel;
import org.skipgpt.bench.SpeedBench;
import org.skipgpt.bench.SpeedResult;
import org.skipgpt.bench.SpeedTest;
import org.skipgpt.bench.Transformers;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ConsoleObserver;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.WholeFile;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/** {@code ./run bench}: llama-bench's table for a model that skips, beside other programs that run it, all in turns. */
public final class BenchProgram {
    private static final List<String> NAMES = List.of(
            "model", "pp", "tg", "depth", "batch", "skip", "routers", "kv", "dtype", "repeats", "llama", "gguf",
            "python", "hf", "out");

    private static final String USAGE = """
        ./run bench [name=value ...]
          model=world      as load(...) takes it
          pp=512           tokens read at once, e.g. 128,512; 0 for none
          tg=128           tokens written one after another, e.g. 128; 0 for none
          depth=0          tokens before those that are written
          batch=1          texts together
          skip=0,0.25,0.4  shares of all module runs left out, token by token, by a seeded pattern; others are compared with
                           the first
          routers=         a folder of tuned routers, timed as it is behind the shares
          kv=keep          keys and values of tokens that skip: keep, deferred or executed
          dtype=           fp32, bf16, fp16, or on the CPU q8_0, q4_0 or q4_1; bf16 on a GPU, fp32 on the CPU where nothing
                           is said; with commas the model is loaded in each, and all take turns
          repeats=5        rounds that are timed, 3 or more
          llama=           llama.cpp's llama-bench, which is timed on gguf=
          gguf=            GGUF files, with commas; the model itself where that is one
          python=          a Python with torch and transformers, which is timed on hf=
          hf=              a Hugging Face folder; the model itself where that is one
          out=             a file that takes the table as well, .md, .csv or .json; several with commas
        """;

    private BenchProgram() {}

    /** Runs it. */
    public static void main(String[] arguments) {
        NamedArguments line = new NamedArguments(List.of(arguments), NAMES, USAGE);
        if (line.asksForHelp()) {
            System.out.print(USAGE);
            return;
        }
        List<Path> files = files(line);
        List<SpeedTest> tests = tests(line);
        String device = System.getenv().getOrDefault("SKIPGPT_DEVICE", "");
        List<String> dtypes = Arrays.stream(line.of("dtype", "").split(","))
                .map(String::strip)
                .toList();
        String dtype = dtypes.get(0);
        Workspace workspace = device.isBlank() && dtype.isEmpty()
                ? Workspace.open()
                : Workspace.open(device.isBlank() ? "cpu" : device, dtype.isEmpty() ? "fp32" : dtype);
        System.out.println(workspace);
        ProgressObserver observer = ConsoleObserver.on(System.out);
        LanguageModel model = SkipGpt.load(line.of("model", "world"), observer);
        checkContext(model, tests);
        List<Contestant> contestants = new ArrayList<>(own(line, model));
        for (String other : dtypes.subList(1, dtypes.size())) {
            Dtype type = Dtype.of(other);
            contestants.addAll(own(
                    line, workspace.add(owner -> Checkpoints.load(line.of("model", "world"), owner, type, observer))));
        }
        contestants.addAll(others(line, model));
        try {
            int repeats = number(line, "repeats", "5");
            SpeedResult result =
                    SpeedBench.run(model.name() + " · " + model.config(), tests, contestants, repeats, observer);
            System.out.println(result.table().fullText() + "\n" + result.conditions());
            files.forEach(file -> write(file, result));
        } finally {
            contestants.forEach(Contestant::close);
        }
    }

    private static List<SpeedTest> tests(NamedArguments line) {
        int batch = number(line, "batch", "1");
        List<SpeedTest> tests = new ArrayList<>();
        for (int tokens : numbers(line, "pp", "512")) {
            if (tokens > 0) {
                tests.add(new SpeedTest(SpeedTest.Kind.PREFILL, tokens, 0, batch));
            }
        }
        for (int tokens : numbers(line, "tg", "128")) {
            if (tokens > 0) {
                tests.add(new SpeedTest(SpeedTest.Kind.DECODE, tokens, number(line, "depth", "0"), batch));
            }
        }
        if (tests.isEmpty()) {
            throw new IllegalArgumentException("pp=0 and tg=0 leave nothing to time\n" + USAGE);
        }
        return tests;
    }

    private static void checkContext(LanguageModel model, List<SpeedTest> tests) {
        int most = model.config().maxPositions();
        for (SpeedTest test : tests) {
            if (test.length() > most) {
                throw new IllegalArgumentException(
                        test.name() + " needs " + test.length() + " tokens, but the context of " + model.name()
                                + " holds " + most + ": give smaller pp=, tg= or depth=");
            }
        }
    }

    private static List<Contestant> own(NamedArguments line, LanguageModel model) {
        List<Contestant> all = new ArrayList<>();
        KvPolicy kv = kv(line);
        for (String share : line.of("skip", "0,0.25,0.4").split(",")) {
            double skipped = share(share.strip());
            ForcedPolicy policy =
                    ForcedPolicy.uniform(skipped, model.config().layers(), 1).withKvPolicy(kv);
            all.add(new OwnModel(skipped == 0 ? model : model.withPolicy(policy)));
        }
        String routers = line.of("routers", "");
        if (!routers.isEmpty()) {
            all.add(new OwnModel(SkipGpt.loadSkipGpt(routers, model)));
        }
        return all;
    }

    private static List<Contestant> others(NamedArguments line, LanguageModel model) {
        List<Contestant> all = new ArrayList<>();
        String name = line.of("model", "world");
        String llama = line.of("llama", "");
        if (!llama.isEmpty()) {
            for (String file :
                    line.of("gguf", name.endsWith(".gguf") ? name : "").split(",")) {
                all.add(new LlamaBench(Path.of(llama), existing("gguf", file.strip()), Torch.threads()));
            }
        }
        String python = line.of("python", "");
        if (!python.isEmpty()) {
            Path folder = existing("hf", line.of("hf", Files.isDirectory(Path.of(name)) ? name : ""));
            all.add(Transformers.start(python, folder.toString(), model.dtype().toString(), Torch.threads()));
        }
        return all;
    }

    private static Path existing(String name, String file) {
        if (file.isEmpty() || !Files.exists(Path.of(file))) {
            throw new IllegalArgumentException("the other program needs " + name
                    + "= with a file or folder that exists," + " not \"" + file + "\"\n" + USAGE);
        }
        return Path.of(file);
    }

    private static KvPolicy kv(NamedArguments line) {
        String given = line.of("kv", "keep");
        return Arrays.stream(KvPolicy.values())
                .filter(policy -> policy.name().equalsIgnoreCase(given))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "kv=" + given + " is not allowed: expected keep, deferred or executed"));
    }

    private static double share(String given) {
        double share;
        try {
            share = Double.parseDouble(given);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("skip=" + given + " is not allowed: expected shares such as 0,0.25", e);
        }
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("skip=" + given + " is not allowed: expected 0 to below 1");
        }
        return share;
    }

    private static int number(NamedArguments line, String name, String otherwise) {
        return numbers(line, name, otherwise)[0];
    }

    private static int[] numbers(NamedArguments line, String name, String otherwise) {
        String given = line.of(name, otherwise);
        try {
            return Arrays.stream(given.split(","))
                    .mapToInt(one -> Integer.parseInt(one.strip()))
                    .toArray();
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + "=" + given + " is not allowed: expected whole numbers", e);
        }
    }

    private static List<Path> files(NamedArguments line) {
        List<Path> files = new ArrayList<>();
        for (String one : line.of("out", "").split(",")) {
            if (!one.isBlank()) {
                if (!one.strip().toLowerCase(Locale.ROOT).matches(".*\\.(md|csv|json)")) {
                    throw new IllegalArgumentException(
                            "out=" + one + " is not allowed: expected a file .md, .csv or .json");
                }
                files.add(Path.of(one.strip()));
            }
        }
        return files;
    }

    private static void write(Path file, SpeedResult result) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".md")) {
            WholeFile.write(file, result.markdown().getBytes(StandardCharsets.UTF_8));
        } else {
            result.table().save(file);
        }
        System.out.println("written: " + file.toAbsolutePath());
    }
}
