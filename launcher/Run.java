import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The commands of ./run for machines without bash: {@code java launcher/Run.java help}, which run.cmd calls on Windows.
 *
 * <p>It builds into the same folders as ./run and trusts the same stamp, so that both can be used in one checkout.
 */
public final class Run {
    private static final List<String> BASH_ONLY = List.of("wheel");
    private static final String KEPT_MEMORY = "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1:"
            + "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=268435456";
    private static final boolean WINDOWS =
            System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows");

    private final Path root;
    private final Path build;
    private final Path classPathFile;
    private final Path stamp; // cpu or gpu, and the java that was used
    private final Path spec;

    private Run(Path root) {
        this.root = root;
        this.build = root.resolve("kernel-ext/target");
        this.classPathFile = build.resolve("runtime-classpath.txt");
        this.stamp = build.resolve("run.stamp");
        this.spec = build.resolve("jupyter");
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        try {
            System.exit(new Run(root()).run(List.of(args)));
        } catch (Fault e) {
            System.err.println("run: " + e.getMessage());
            System.exit(1);
        }
    }

    /** What the user can put right; told without a trace. */
    private static final class Fault extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Fault(String message) {
            super(message);
        }
    }

    // run.cmd says where it lies; else the folder above this file, or the working folder.
    private static Path root() {
        String said = System.getProperty("run.root", "");
        for (Path at = Path.of(said).toAbsolutePath().normalize(); at != null; at = at.getParent()) {
            if (Files.isRegularFile(at.resolve("kernel-ext/pom.xml"))) {
                return at;
            }
        }
        throw new Fault("this is not inside a checkout of SkipGPT: change into it, or call its run.cmd");
    }

    private int run(List<String> args) throws IOException, InterruptedException {
        String command = args.isEmpty() ? "" : args.get(0);
        List<String> rest = args.isEmpty() ? List.of() : args.subList(1, args.size());
        if (BASH_ONLY.contains(command) || (command.equals("study") && asksForSpark(rest))) {
            throw new Fault("\"" + String.join(" ", args) + "\" needs bash: use ./run on Linux, macOS or WSL");
        }
        switch (command) {
            case "help", "-h", "--help":
                System.out.print(help());
                return 0;
            case "build":
                build();
                return 0;
            case "doctor":
                build();
                return java(with("org.skipgpt.Doctor", rest));
            case "bench":
                build();
                return java(with("org.skipgpt.BenchProgram", rest));
            case "study":
                build();
                return java(with("org.skipgpt.StudyProgram", rest));
            case "install", "uninstall":
                build();
                boolean asked = args.contains("--help") || args.contains("-h");
                return process(
                        javaLine(List.of(), with("org.skipgpt.kernel.KernelInstall", asked ? List.of("help") : args)),
                        Path.of(""));
            case "shell":
                build();
                return shell(rest);
            case "lab":
                build();
                kernelspec();
                List<String> lab = new ArrayList<>(List.of(java(), root.resolve("launcher/Lab.java").toString()));
                lab.addAll(List.of(root.toString(), spec.toString()));
                lab.addAll(rest);
                return process(lab, Path.of(""));
            default:
                return notebooks(args);
        }
    }

    private static boolean asksForSpark(List<String> args) {
        return args.stream().anyMatch(one -> one.equals("--spark") || one.matches("spark=.+"));
    }

    private static List<String> with(String first, List<String> rest) {
        List<String> all = new ArrayList<>(List.of(first));
        all.addAll(rest);
        return all;
    }

    // The text of ./run, without what needs bash.
    private String help() throws IOException {
        List<String> lines = Files.readAllLines(root.resolve("run"));
        int from = lines.indexOf("  cat <<'TEXT'") + 1;
        int to = lines.indexOf("TEXT");
        if (from == 0 || to < from) {
            throw new Fault("the help text is missing in " + root.resolve("run") + ": fetch the checkout again");
        }
        StringBuilder text = new StringBuilder();
        boolean shown = true;
        for (String line : lines.subList(from, to)) {
            if (line.startsWith("./run")) {
                String name = line.substring(5).strip().split(" ")[0];
                shown = !BASH_ONLY.contains(name);
            } else if (line.isBlank()) {
                shown = true;
            }
            if (shown && !line.contains("--spark")) {
                text.append(WINDOWS ? line.replace("./run", "run  ") : line).append('\n');
            }
        }
        return text.append("\nbash alone has wheel and study --spark: ./run on Linux, macOS or WSL.\n")
                .toString();
    }

    // A program of its own, as Java runs a single file.
    private void build() throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        if (process(List.of(java, root.resolve("launcher/Build.java").toString(), root.toString()), root) != 0) {
            throw new Fault("nothing was built; the reason stands above");
        }
    }

    private String mode() throws IOException {
        return Files.readString(stamp).strip().split(" ", 2)[0];
    }

    private String java() throws IOException {
        return Files.readString(stamp).strip().split(" ", 2)[1];
    }

    private String[] entries() throws IOException {
        return Files.readString(classPathFile).strip().split(File.pathSeparator);
    }

    private String classPath() throws IOException {
        try (Stream<Path> jars = Files.list(build)) {
            String own = jars.map(Path::toString)
                    .filter(jar -> jar.matches(".*kernel-ext-[^/\\\\]*\\.jar") && !jar.endsWith("-tests.jar"))
                    .sorted()
                    .findFirst()
                    .orElseThrow(() -> new Fault("there is no jar in " + build + ": remove run.stamp there, and build"));
            return own + File.pathSeparator + String.join(File.pathSeparator, entries());
        }
    }

    private List<String> options() throws IOException, InterruptedException {
        List<String> options = new ArrayList<>();
        String vectors = "--add-modules=jdk.incubator.vector"; // new tokens are computed in Java
        Output shown = output(List.of(java(), vectors, "-XshowSettings:properties", "-version"));
        if (shown.status == 0) {
            options.add(vectors);
        } else {
            shown = output(List.of(java(), "-XshowSettings:properties", "-version"));
        }
        String version = shown.text.replaceAll("(?s).*java\\.specification\\.version = ([0-9]+).*", "$1");
        if (version.matches("[0-9]+") && Integer.parseInt(version) >= 22) {
            options.add("--enable-native-access=ALL-UNNAMED");
        }
        options.add("-Djava.awt.headless=true");
        options.add("-Dfile.encoding=UTF-8");
        options.add("-ea:REPL..."); // an assert in JShell asserts
        options.add("-Dskipgpt.home=" + root);
        if (mode().equals("cpu")) {
            options.add("-Dai.djl.offline=true"); // all natives are on the class path
        }
        return options;
    }

    private int java(List<String> mainAndArguments) throws IOException, InterruptedException {
        return process(javaLine(options(), mainAndArguments), Path.of(""));
    }

    // The class path goes by a file: a line of Windows has at most 32,767 characters.
    private List<String> javaLine(List<String> options, List<String> mainAndArguments) throws IOException {
        Path arguments = build.resolve("run-classpath.args");
        String quoted = classPath().replace("\\", "\\\\").replace("\"", "\\\"");
        Files.writeString(arguments, "-cp \"" + quoted + "\"\n", StandardCharsets.UTF_8);
        List<String> line = new ArrayList<>(List.of(java()));
        line.addAll(options);
        line.add("@" + arguments);
        line.addAll(mainAndArguments);
        return line;
    }

    private int shell(List<String> rest) throws IOException, InterruptedException {
        if (System.console() != null) { // scripts read what a shell prints
            System.out.println("JShell with SkipGPT: Tab completes, twice explains; /help lists the commands, /exit ends");
        }
        List<String> options = options();
        options.add("--add-opens=jdk.jshell/jdk.jshell=ALL-UNNAMED"); // for the sources that the second Tab reads
        return process(javaLine(options, with("org.skipgpt.kernel.shell.Shell", rest)), Path.of(""));
    }

    private void kernelspec() throws IOException, InterruptedException {
        Output made = output(javaLine(List.of(), List.of("org.skipgpt.kernel.KernelSpec", spec.toString())));
        if (made.status != 0) {
            throw new Fault("the kernel's description could not be written:\n" + made.text);
        }
    }

    private int notebooks(List<String> names) throws IOException, InterruptedException {
        List<String> chosen = new ArrayList<>();
        for (String name : names) {
            chosen.add(notebook(name).toString());
        }
        build();
        kernelspec();
        Path executed = root.resolve("target/notebooks");
        List<String> line = new ArrayList<>(List.of("org.skipgpt.kernel.client.NotebookRunner", "--spec"));
        line.addAll(List.of(spec.resolve("kernels/java").toString(), "--out", executed.toString(), "--timeout"));
        line.add(System.getenv().getOrDefault("SKIPGPT_CELL_SECONDS", "600"));
        line.addAll(chosen.isEmpty() ? List.of(root.resolve("notebooks").toString()) : chosen);
        if (java(line) != 0) {
            throw new Fault("a notebook failed; what ran is in " + executed);
        }
        System.out.println("executed notebooks and pictures: " + executed);
        return 0;
    }

    // Named in full or by a beginning that no other has.
    private Path notebook(String given) throws IOException {
        String name = given.replaceAll(".*[/\\\\]", "").replaceAll("\\.ipynb$", "");
        TreeSet<String> all;
        try (Stream<Path> files = Files.list(root.resolve("notebooks"))) {
            all = files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith(".ipynb"))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
        List<String> found = all.contains(name + ".ipynb")
                ? List.of(name + ".ipynb")
                : all.stream().filter(file -> !name.isEmpty() && file.startsWith(name)).toList();
        if (found.isEmpty()) {
            throw new Fault("there is no notebooks/" + name + ".ipynb; there are: " + String.join(" ", all));
        }
        if (found.size() > 1) {
            throw new Fault(given + " is the beginning of several notebooks: " + String.join(" ", found));
        }
        return root.resolve("notebooks").resolve(found.get(0));
    }

    private static int process(List<String> line, Path folder) throws IOException, InterruptedException {
        ProcessBuilder builder =
                new ProcessBuilder(line).inheritIO().directory(folder.toAbsolutePath().toFile());
        // Engine threads wait for each other turning; so long as by default they starve every other process.
        if (System.getenv().getOrDefault("OMP_WAIT_POLICY", "").isEmpty()) {
            builder.environment().putIfAbsent("GOMP_SPINCOUNT", "10000");
        }
        // Memory that operations give back is kept, up to 256 MiB; why stands in ./run. Only glibc reads this.
        if (System.getenv().keySet().stream().noneMatch(name -> name.startsWith("MALLOC_"))) {
            builder.environment().putIfAbsent("GLIBC_TUNABLES", KEPT_MEMORY);
        }
        Process process = builder.start();
        try {
            return process.waitFor();
        } finally {
            process.destroy();
        }
    }

    /** What a program printed and how it ended. */
    private record Output(int status, String text) {}

    private static Output output(List<String> line) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Output(process.waitFor(), text);
    }
}
