import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * JupyterLab with the Java kernel: {@code java launcher/Lab.java ROOT SPEC [ARGUMENTS]}, which Run.java calls.
 *
 * <p>Everything of Jupyter's own (runtime files, settings, the program itself) stays in target/lab, as with ./run lab.
 */
public final class Lab {
    private static final boolean WINDOWS =
            System.getProperty("os.name").toLowerCase(Locale.ROOT).startsWith("windows");

    private final Path root;
    private final String spec;
    private final Path home;
    private final Path bin;

    private Lab(Path root, String spec) {
        this.root = root;
        this.spec = spec;
        this.home = root.resolve("target/lab");
        this.bin = home.resolve("venv").resolve(WINDOWS ? "Scripts" : "bin");
    }

    public static void main(String[] args) throws IOException, InterruptedException {
        Lab lab = new Lab(Path.of(args[0]), args[1]);
        System.exit(lab.start(List.of(args).subList(2, args.length)));
    }

    private int start(List<String> rest) throws IOException, InterruptedException {
        Files.createDirectories(home);
        Path own = program("jupyter-lab");
        String python = found(WINDOWS ? "python" : "python3");
        if (!Files.isExecutable(own) && !python.isEmpty()) {
            install(python);
        }
        String there = Files.isExecutable(own) ? own.toString() : "";
        for (String each : List.of(there, found("jupyter-lab"), found("jupyter-notebook"))) {
            if (!each.isEmpty()) {
                List<String> line = new ArrayList<>(List.of(each, "--notebook-dir=" + root.resolve("notebooks")));
                line.addAll(rest);
                return process(line);
            }
        }
        System.err.println("run: no Jupyter: make PyPI reachable for pip, or install JupyterLab");
        return 1;
    }

    private void install(String python) throws IOException, InterruptedException {
        System.err.println("installing JupyterLab into target/lab/venv");
        String pip = program("pip").toString();
        boolean done = process(List.of(python, "-m", "venv", home.resolve("venv").toString())) == 0
                && process(List.of(pip, "install", "-q", "--disable-pip-version-check", "jupyterlab>=4,<5")) == 0;
        if (!done) {
            System.err.println("PyPI did not answer, or Python has no venv");
        }
    }

    private Path program(String name) {
        return bin.resolve(WINDOWS ? name + ".exe" : name);
    }

    /** A program of the PATH; empty where there is none. */
    private static String found(String name) {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path file = Path.of(folder).resolve(WINDOWS ? name + ".exe" : name);
            if (!folder.isBlank() && Files.isExecutable(file)) {
                return file.toString();
            }
        }
        return "";
    }

    private int process(List<String> line) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(line).inheritIO();
        var environment = builder.environment();
        String others = environment.getOrDefault("JUPYTER_PATH", "");
        environment.put("JUPYTER_PATH", others.isEmpty() ? spec : spec + File.pathSeparator + others);
        environment.put("JUPYTER_RUNTIME_DIR", home.resolve("runtime").toString());
        environment.put("JUPYTER_CONFIG_DIR", home.resolve("config").toString());
        environment.put("JUPYTER_DATA_DIR", home.resolve("data").toString());
        environment.put("IPYTHONDIR", home.resolve("ipython").toString());
        environment.put("SKIPGPT_HOME", root.toString());
        return builder.start().waitFor();
    }
}
