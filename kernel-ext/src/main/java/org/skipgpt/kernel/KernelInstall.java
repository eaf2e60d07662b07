package org.skipgpt.kernel;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Puts the kernel where Jupyter looks by itself, and takes it away again: {@code java -cp ... KernelInstall install}.
 *
 * <p>The spec names the JDK and the class path of this command. Another kernel of the same name is never touched unless
 * {@code --replace} says so.
 */
public final class KernelInstall {
    static final String USAGE =
            "usage: install|uninstall [--user | --prefix FOLDER] [--name NAME] [--display-name TEXT] [--replace] [--variables]"
                    + System.lineSeparator()
                    + "  --user            for you, in Jupyter's data folder (this is the default)"
                    + System.lineSeparator()
                    + "  --prefix FOLDER   in FOLDER/share/jupyter, e.g. of a virtual environment"
                    + System.lineSeparator() + "  --name NAME       what notebooks call the kernel (java)"
                    + System.lineSeparator() + "  --replace         takes the place of another kernel of that name"
                    + System.lineSeparator()
                    + "  --variables       JupyterLab's debugger button opens a list of variables; breakpoints are refused";

    private final Map<String, String> environment;
    private boolean isUninstall;
    private Path data;
    private String name = "java";
    private String displayName = KernelSpec.DISPLAY_NAME;
    private boolean replaces;
    private boolean announcesVariables;

    private KernelInstall(Map<String, String> environment) {
        this.environment = environment;
        this.data = userData();
    }

    /** Installs or uninstalls; exit code 0 where it was done, 1 where not, 2 for a wrong command line. */
    public static void main(String[] arguments) {
        try {
            System.out.println(run(List.of(arguments), System.getenv()));
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
        } catch (IOException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    /** Does what the arguments say; returns a line to print. */
    static String run(List<String> arguments, Map<String, String> environment) throws IOException {
        KernelInstall install = new KernelInstall(environment);
        install.parse(arguments);
        return install.isUninstall ? install.uninstall() : install.install();
    }

    private void parse(List<String> arguments) {
        List<String> rest = new ArrayList<>(arguments);
        String verb = rest.isEmpty() ? "" : rest.remove(0);
        if (!verb.equals("install") && !verb.equals("uninstall")) {
            throw new IllegalArgumentException(USAGE);
        }
        isUninstall = verb.equals("uninstall");
        while (!rest.isEmpty()) {
            String option = rest.remove(0);
            switch (option) {
                case "--user" -> data = userData();
                case "--replace" -> replaces = true;
                case "--variables" -> announcesVariables = true;
                case "--prefix" ->
                    data = Path.of(value(option, rest)).resolve("share").resolve("jupyter");
                case "--name" -> name = name(value(option, rest));
                case "--display-name" -> displayName = value(option, rest);
                default ->
                    throw new IllegalArgumentException("there is no option " + option + System.lineSeparator() + USAGE);
            }
        }
    }

    private static String value(String option, List<String> rest) {
        if (rest.isEmpty() || rest.get(0).startsWith("--")) {
            throw new IllegalArgumentException(option + " needs a value" + System.lineSeparator() + USAGE);
        }
        return rest.remove(0);
    }

    // Jupyter takes no others, and none of them leaves the folder of kernels.
    private static String name(String text) {
        if (!text.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
            throw new IllegalArgumentException(
                    "'" + text + "' is no name of a kernel: expected letters, digits, '.', '_' and '-'");
        }
        return text;
    }

    private String install() throws IOException {
        Path spec = KernelSpec.install(data, name, displayName, System.getProperty("java.class.path"), replaces);
        if (announcesVariables) {
            KernelSpec.announceVariables(spec);
        }
        boolean isFast = StartArchive.make(spec);
        return "installed the kernel '" + name + "' in " + spec
                + (isFast ? "" : " (without an archive of its classes, which would start it faster)");
    }

    private String uninstall() throws IOException {
        Path spec = KernelSpec.folder(data, name);
        if (!Files.exists(spec)) {
            throw new IOException(
                    "there is no kernel in " + spec + "; 'jupyter kernelspec list' shows where kernels are");
        }
        if (!KernelSpec.isOurs(spec)) {
            throw new FileAlreadyExistsException("the kernel in " + spec + " is another's and stays");
        }
        try (Stream<Path> files = Files.list(spec)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(spec);
        return "removed " + spec;
    }

    /** Where Jupyter keeps what belongs to a user. */
    private Path userData() {
        String own = environment.get("JUPYTER_DATA_DIR");
        if (own != null) {
            return Path.of(own);
        }
        Path home = Path.of(environment.getOrDefault("HOME", System.getProperty("user.home")));
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        if (system.contains("mac")) {
            return home.resolve("Library").resolve("Jupyter");
        }
        if (system.contains("windows")) {
            return Path.of(environment.getOrDefault("APPDATA", home.toString())).resolve("jupyter");
        }
        String shared = environment.get("XDG_DATA_HOME");
        return (shared == null ? home.resolve(".local").resolve("share") : Path.of(shared)).resolve("jupyter");
    }
}
