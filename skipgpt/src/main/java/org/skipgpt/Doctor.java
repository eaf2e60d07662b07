package org.skipgpt;

import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.HubCache;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.report.Report;
import org.skipgpt.torch.Processor;
import org.skipgpt.torch.Torch;
import org.skipgpt.vector.Vectors;

/**
 * What this machine offers, what is missing and how to get it.
 *
 * @param facts what was found, in order
 * @param missing what is missing; each line says how to get it
 * @param works whether models can be loaded
 */
public record Doctor(Map<String, String> facts, List<String> missing, boolean works) implements Report {
    /** Keeps the order of facts. */
    public Doctor {
        facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
        missing = List.copyOf(missing);
    }

    /**
     * Prints what was found, and of each model that is named what fits where over all devices, in the default workspace's element
     * type; exit code 0 where models can be loaded, else 1.
     */
    public static void main(String[] arguments) {
        Doctor doctor = look();
        System.out.println(doctor.text());
        if (doctor.works()) {
            Workspace.open("auto", Torch.devices().size() > 1 ? "bf16" : "fp32");
            for (String model : arguments) {
                System.out.println(System.lineSeparator() + placed(model));
            }
        }
        System.exit(doctor.works() ? 0 : 1);
    }

    private static String placed(String model) {
        try {
            return model + ": " + SkipGpt.placement(model);
        } catch (CheckpointException | IllegalArgumentException e) {
            return model + ": " + e.getMessage();
        }
    }

    /** Looks around; starts libtorch. */
    public static Doctor look() {
        Map<String, String> facts = new LinkedHashMap<>();
        List<String> missing = new ArrayList<>();
        java(facts, missing);
        memory(facts);
        boolean gpu = gpu(facts);
        boolean works = engine(facts, missing, gpu);
        facts.put("products in bf16 on the CPU", Processor.bf16Products());
        vectors(facts);
        folders(facts, missing);
        tools(facts, missing);
        return new Doctor(facts, missing, works);
    }

    private static void java(Map<String, String> facts, List<String> missing) {
        facts.put("Java", Runtime.version() + " (" + System.getProperty("java.home") + ")");
        if (ModuleLayer.boot().findModule("jdk.jshell").isEmpty()) {
            missing.add("jdk.jshell, which notebooks need: install a JDK of at least 17 instead of a JRE");
        }
        facts.put(
                "system",
                System.getProperty("os.name") + " " + System.getProperty("os.arch") + ", "
                        + Runtime.getRuntime().availableProcessors() + " cores");
    }

    private static void memory(Map<String, String> facts) {
        MemoryLeft left = MemoryLeft.now();
        facts.put(
                "memory",
                MemoryLeft.gib(left.available()) + " of " + MemoryLeft.gib(left.total())
                        + " available, Java heap up to "
                        + MemoryLeft.gib(Runtime.getRuntime().maxMemory()));
    }

    private static boolean gpu(Map<String, String> facts) {
        boolean driver = Files.exists(Path.of("/proc/driver/nvidia/version"));
        boolean tool = onPath("nvidia-smi").isPresent();
        facts.put("NVIDIA GPU", driver || tool ? "driver found" : "none found");
        return driver || tool;
    }

    private static boolean engine(Map<String, String> facts, List<String> missing, boolean gpu) {
        String classpath = System.getProperty("java.class.path", "");
        boolean cpuNatives = classpath.contains("pytorch-native-cpu");
        String named = System.getenv().getOrDefault("PYTORCH_LIBRARY_PATH", "");
        facts.put(
                "libtorch from",
                !named.isEmpty()
                        ? "PYTORCH_LIBRARY_PATH " + named
                        : cpuNatives ? "the class path (CPU)" : "the DJL cache (CUDA)");
        try {
            facts.put(
                    "engine",
                    Torch.engine().getEngineName() + " " + Torch.version() + ", " + Torch.threads() + " threads");
            facts.put(
                    "devices",
                    Torch.devices().stream()
                            .map(d -> d.toString().replace("()", ""))
                            .collect(Collectors.joining(", ")));
            if (gpu && Torch.devices().size() == 1) {
                missing.add("CUDA: a GPU is here but libtorch cannot use it; build with -Dgpu (./run does) and let DJL"
                        + " fetch CUDA natives, or set PYTORCH_LIBRARY_PATH to the lib folder of torch 2.7.1 for CUDA");
            }
            return true;
        } catch (RuntimeException | LinkageError e) {
            facts.put("engine", "did not start");
            missing.add("libtorch: " + e.getMessage());
            return false;
        }
    }

    // Nothing is missing without vectors: the engine computes all new tokens then, those of bf16 models more slowly.
    private static void vectors(Map<String, String> facts) {
        facts.put(
                "new tokens",
                Vectors.kernels()
                        .map(k -> "of bf16 models in Java on a CPU, vectors of " + k.bits()
                                + " bits; -Dskipgpt.decode=java adds fp32 models, =engine leaves all to the engine")
                        .orElseGet(() ->
                                "computed by the engine: " + Vectors.missing().orElse("")));
    }

    private static void folders(Map<String, String> facts, List<String> missing) {
        Map<String, String> env = System.getenv();
        String home = System.getProperty("user.home");
        facts.put("DJL cache", folder(Path.of(env.getOrDefault("DJL_CACHE_DIR", home + "/.djl.ai"))));
        try {
            facts.put("hub cache", folder(HubCache.ofEnvironment().root()));
        } catch (CheckpointException e) {
            missing.add("the hub: " + e.getMessage());
        }
        Optional<Path> world = Checkpoints.findWorld();
        facts.put("embedded world", world.map(Path::toString).orElse("not found"));
        if (world.isEmpty()) {
            missing.add("the embedded world: run inside the checkout, or set SKIPGPT_HOME to it");
        } else if (!Files.exists(world.get().resolve("model").resolve("config.json"))) {
            missing.add("the embedded model: this checkout has none; load(\"world\") needs datasets/world/model");
        }
    }

    private static void tools(Map<String, String> facts, List<String> missing) {
        facts.put("Maven", onPath("mvn").map(Path::toString).orElse("not on the PATH"));
        facts.put("python3", onPath("python3").map(Path::toString).orElse("not on the PATH; only ./run lab needs it"));
        try {
            new Font(Font.SANS_SERIF, Font.PLAIN, 12).getStringBounds("x", new FontRenderContext(null, true, true));
            facts.put("fonts", "found");
        } catch (RuntimeException | LinkageError e) {
            facts.put("fonts", "none");
            missing.add("fonts, which pictures need: apt-get install fontconfig fonts-dejavu-core");
        }
    }

    private static Optional<Path> onPath(String tool) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(Pattern.quote(File.pathSeparator)))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, tool))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static String folder(Path path) {
        if (!Files.isDirectory(path)) {
            return path + " (not there yet)";
        }
        try (Stream<Path> files = Files.walk(path.toRealPath())) {
            long bytes =
                    files.filter(Files::isRegularFile).mapToLong(Doctor::size).sum();
            return path + " (" + MemoryLeft.gib(bytes) + ")";
        } catch (IOException | UncheckedIOException e) {
            return path + " (cannot be read: " + e.getMessage() + ")";
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0; // removed between listing and asking
        }
    }

    @Override
    public String text() {
        StringBuilder text = new StringBuilder();
        facts.forEach((name, value) -> text.append(String.format(Locale.ROOT, "%-15s %s%n", name, value)));
        missing.forEach(line -> text.append("missing         ").append(line).append(System.lineSeparator()));
        return text.append(works ? "ready: models can be loaded" : "not ready: see above")
                .toString();
    }

    @Override
    public String toString() {
        return text();
    }
}
