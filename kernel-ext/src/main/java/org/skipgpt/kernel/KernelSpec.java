package org.skipgpt.kernel;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.ClassPath;
import org.skipgpt.vector.Vectors;

/**
 * Writes the kernelspec: {@code java -cp ... org.skipgpt.kernel.KernelSpec FOLDER}.
 *
 * <p>The spec lands in {@code FOLDER/kernels/java}, runs with the class path and the JDK of this command, and is found by
 * Jupyter where {@code JUPYTER_PATH} names the folder. Nothing outside of the folder is touched.
 */
public final class KernelSpec {
    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create();
    private static final List<String> LOGOS = List.of("logo-svg.svg", "logo-32x32.png", "logo-64x64.png");
    private static final int NATIVE_ACCESS_SINCE = 22;

    /**
     * Turns that an engine thread waits for others before it sleeps. Where kernels share the cores, the default of 300,000
     * starves them all; this many cost a single kernel nothing.
     */
    private static final String SPIN_COUNT = "10000";

    // What operations give back is kept, up to 256 MiB: by its defaults glibc returns large pieces to the system each
    // time,
    // and touching their pages anew takes a quarter of a training step.
    static final String KEPT_MEMORY = "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1:"
            + "glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=268435456";

    static final String DISPLAY_NAME = "Java (SkipGPT)";

    private KernelSpec() {}

    /**
     * Writes the spec and prints where it is.
     *
     * @param arguments the folder to write to; then, optionally, a display name
     */
    public static void main(String[] arguments) throws IOException {
        boolean isWrong = arguments.length < 1 || arguments.length > 2 || arguments[0].startsWith("-");
        if (isWrong) {
            System.err.println("usage: KernelSpec FOLDER [DISPLAY_NAME], e.g. KernelSpec kernel-ext/target/jupyter;"
                    + " KernelInstall puts the kernel where Jupyter looks by itself");
            System.exit(2);
        }
        String name = arguments.length > 1 ? arguments[1] : DISPLAY_NAME;
        try {
            System.out.println(install(Path.of(arguments[0]), name, System.getProperty("java.class.path")));
        } catch (FileAlreadyExistsException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    /**
     * Writes the spec under the name {@code java}.
     *
     * @param folder a Jupyter data folder, e.g. {@code kernel-ext/target/jupyter}
     * @param displayName what front ends call the kernel
     * @param classpath what the kernel runs with
     * @return the folder of the spec
     * @throws FileAlreadyExistsException where another kernel has the name
     */
    public static Path install(Path folder, String displayName, String classpath) throws IOException {
        return install(folder, "java", displayName, classpath, false);
    }

    /**
     * Writes the spec.
     *
     * @param folder a Jupyter data folder
     * @param name the kernel's name, which notebooks carry
     * @param displayName what front ends call the kernel
     * @param classpath what the kernel runs with
     * @param replaces whether another kernel of that name may go
     * @return the folder of the spec
     * @throws FileAlreadyExistsException where another kernel has the name and may not go
     */
    static Path install(Path folder, String name, String displayName, String classpath, boolean replaces)
            throws IOException {
        Path spec = folder(folder, name);
        if (Files.exists(spec) && !isOurs(spec) && !replaces) {
            throw new FileAlreadyExistsException("another kernel is installed in " + spec
                    + " and stays: --replace takes its place, --name NAME installs this one beside it");
        }
        Files.createDirectories(spec);
        for (String logo : LOGOS) {
            try (InputStream in = KernelSpec.class.getResourceAsStream(logo)) {
                if (in == null) {
                    throw new IOException("the picture " + logo + " is missing; rebuild the kernel");
                }
                Files.copy(in, spec.resolve(logo), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        // What the jars have, which the kernel would look for at each start.
        Path jars = spec.resolve("jars.txt");
        write(jars, String.join("\n", new ClassPath(absolute(classpath)).describe()) + "\n");
        // The class path is long; java reads it from a file, and so do people.
        write(spec.resolve("java.args"), arguments(absolute(classpath), jars));
        write(spec.resolve("kernel.json"), GSON.toJson(json(displayName)) + "\n");
        return spec;
    }

    /** Where the spec of a name is below a Jupyter data folder. */
    static Path folder(Path dataFolder, String name) {
        return dataFolder.toAbsolutePath().normalize().resolve("kernels").resolve(name);
    }

    /** Whether a folder holds a spec of this kernel. */
    static boolean isOurs(Path spec) throws IOException {
        Path json = spec.resolve("kernel.json");
        return Files.isRegularFile(json) && Files.readString(json).contains(KernelMain.class.getName());
    }

    /** Says in a spec that the kernel tells variables: JupyterLab asks only where {@code debugger} is set. */
    static void announceVariables(Path spec) throws IOException {
        Path file = spec.resolve("kernel.json");
        JsonObject json = GSON.fromJson(Files.readString(file), JsonObject.class);
        json.getAsJsonObject("metadata").addProperty("debugger", true);
        write(file, GSON.toJson(json) + "\n");
    }

    private static JsonObject json(String displayName) {
        JsonArray argv = new JsonArray();
        argv.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        argv.add("@{resource_dir}/java.args");
        argv.add("org.skipgpt.kernel.KernelMain");
        argv.add("{connection_file}");
        JsonObject env = new JsonObject();
        env.addProperty("DJL_DISABLE_PROGRESS_BAR", "true");
        if (System.getenv("OMP_WAIT_POLICY") == null) {
            env.addProperty("GOMP_SPINCOUNT", System.getenv().getOrDefault("GOMP_SPINCOUNT", SPIN_COUNT));
        }
        if (System.getenv().keySet().stream().noneMatch(name -> name.startsWith("MALLOC_"))) {
            env.addProperty("GLIBC_TUNABLES", System.getenv().getOrDefault("GLIBC_TUNABLES", KEPT_MEMORY));
        }
        JsonObject metadata = new JsonObject();
        metadata.addProperty("debugger", false);
        JsonObject json = new JsonObject();
        json.add("argv", argv);
        json.addProperty("display_name", displayName);
        json.addProperty("language", "java");
        json.addProperty("interrupt_mode", "message"); // by signal the JVM would end
        json.add("env", env);
        json.add("metadata", metadata);
        return json;
    }

    private static String arguments(String classpath, Path jars) {
        List<String> lines = new ArrayList<>();
        if (Runtime.version().feature() >= NATIVE_ACCESS_SINCE) {
            lines.add("--enable-native-access=ALL-UNNAMED");
        }
        if (ModuleFinder.ofSystem().find(Vectors.MODULE).isPresent()) {
            lines.add("--add-modules=" + Vectors.MODULE); // new tokens are computed in Java
        }
        lines.add("-Djava.awt.headless=true");
        lines.add("-Dfile.encoding=UTF-8");
        lines.add("-ea:REPL..."); // JShell's package: an assert in a cell asserts
        lines.add(CellEngine.SHELL_OPTION); // lets the kernel forget what JShell would keep of each cell for good
        if (classpath.contains("pytorch-native-cpu")) {
            lines.add("-Dai.djl.offline=true"); // everything is here; DJL must not look for more
        }
        String options = System.getenv().getOrDefault("SKIPGPT_JVM_OPTS", "").strip();
        if (!options.isEmpty()) {
            lines.addAll(List.of(options.split("\\s+")));
        }
        lines.add(quoted("-D" + ClassPath.DESCRIPTION + "=" + jars));
        lines.add("-cp");
        lines.add(quoted(classpath));
        return String.join("\n", lines) + "\n";
    }

    /** A word of a file of arguments. */
    static String quoted(String word) {
        return '"' + word.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    // Notebooks run in other folders than this command.
    private static String absolute(String classpath) {
        return List.of(classpath.split(Pattern.quote(File.pathSeparator))).stream()
                .filter(entry -> !entry.isEmpty())
                .map(entry -> Path.of(entry).toAbsolutePath().normalize().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static void write(Path file, String text) throws IOException {
        // no temporary file of the JDK's making: those are for their owner only, and a prefix may serve many users
        Path temporary = Files.writeString(file.resolveSibling(".new-" + file.getFileName()), text);
        Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    }
}
