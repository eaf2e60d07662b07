import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Builds the project where something changed since: {@code java launcher/Build.java ROOT}, which Run.java calls.
 *
 * <p>The stamp says for what was built (cpu or gpu) and with which Java; ./run writes and trusts the same.
 */
public final class Build {
    private static final boolean WINDOWS =
            System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows");

    private final Path root;
    private final Path classPathFile;
    private final Path stamp;

    private Build(Path root) {
        this.root = root;
        this.classPathFile = root.resolve("kernel-ext/target/runtime-classpath.txt");
        this.stamp = root.resolve("kernel-ext/target/run.stamp");
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        String fault = new Build(Path.of(args[0])).build();
        if (!fault.isEmpty()) {
            System.err.println("run: " + fault);
            System.exit(1);
        }
    }

    // Returns what went wrong.
    private String build() throws IOException, InterruptedException {
        String java = java();
        String mode = mode();
        if (!Files.isExecutable(Path.of(java))) {
            return "there is no " + java + ": set JAVA_HOME to a JDK of at least 17";
        }
        String want = mode + " " + java;
        if (isBuilt(want)) {
            return "";
        }
        String maven = found("mvn");
        if (maven.isEmpty()) {
            return "mvn is not on the PATH: install Maven 3.8.7 or newer";
        }
        List<String> line = new ArrayList<>(List.of(maven, "-B", "-q", "-Dmaven.test.skip=true"));
        if (mode.equals("gpu")) {
            line.add("-Dgpu");
        }
        line.add("package");
        System.err.println("building (" + mode + "); the first time Maven downloads what it needs");
        Files.deleteIfExists(stamp);
        if (new ProcessBuilder(line).inheritIO().directory(root.toFile()).start().waitFor() != 0) {
            return "the build failed; what Maven says stands above";
        }
        Thread.sleep(1000); // the stamp is younger than all it vouches for, also where times are whole seconds
        Files.writeString(stamp, want + "\n");
        return "";
    }

    private static String java() {
        String home = System.getenv().getOrDefault("JAVA_HOME", "");
        String own = home.isBlank() ? found("java") : ""; // as bash finds it, so that both trust one stamp
        Path folder = Path.of(home.isBlank() ? System.getProperty("java.home") : home, "bin");
        return own.isEmpty() ? folder.resolve(WINDOWS ? "java.exe" : "java").toString() : own;
    }

    /** A program of the PATH by one of its file names; empty where there is none. */
    private static String found(String name) {
        List<String> endings = WINDOWS ? List.of(".cmd", ".exe", ".bat") : List.of("");
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            for (String ending : endings) {
                if (!folder.isBlank() && Files.isExecutable(Path.of(folder).resolve(name + ending))) {
                    return Path.of(folder).resolve(name + ending).toString();
                }
            }
        }
        return "";
    }

    // CPU natives on the class path would pin libtorch to the CPU, so a machine with a GPU builds without them.
    private static String mode() throws IOException, InterruptedException {
        if (System.getenv().getOrDefault("SKIPGPT_DEVICE", "").equals("cpu")) {
            return "cpu";
        }
        String smi = found("nvidia-smi");
        boolean driver = Files.exists(Path.of("/proc/driver/nvidia/version"));
        return driver || (!smi.isEmpty() && succeeds(smi, "-L")) ? "gpu" : "cpu";
    }

    private static boolean succeeds(String... line) throws IOException, InterruptedException {
        return new ProcessBuilder(line)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start()
                        .waitFor()
                == 0;
    }

    private boolean isBuilt(String want) throws IOException {
        if (!Files.isRegularFile(stamp)
                || !Files.isRegularFile(classPathFile)
                || !Files.readString(stamp).strip().equals(want)) {
            return false;
        }
        FileTime built = Files.getLastModifiedTime(stamp);
        List<Path> sources =
                new ArrayList<>(List.of(root.resolve("pom.xml"), root.resolve("datasets/manifest.json")));
        try (Stream<Path> parts = Files.list(root)) {
            for (Path part : parts.toList()) {
                sources.add(part.resolve("pom.xml"));
                sources.add(part.resolve("src/main"));
            }
        }
        for (Path source : sources) {
            if (Files.exists(source) && isNewer(source, built)) {
                return false;
            }
        }
        boolean another = Files.getLastModifiedTime(classPathFile).compareTo(built) >= 0; // another build wrote it
        String[] entries = Files.readString(classPathFile).strip().split(File.pathSeparator);
        return !another && Arrays.stream(entries).allMatch(entry -> Files.exists(Path.of(entry)));
    }

    private static boolean isNewer(Path source, FileTime than) throws IOException {
        try (Stream<Path> all = Files.walk(source)) {
            for (Path one : (Iterable<Path>) all::iterator) {
                if (Files.getLastModifiedTime(one).compareTo(than) > 0) {
                    return true;
                }
            }
        }
        return false;
    }
}
