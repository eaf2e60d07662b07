package org.skipgpt.kernel.shell;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Gives JShell the sources from which a second Tab explains names: those of the JDK, those that jars of the class path carry
 * below {@code META-INF/sources}, as SkipGPT's do, and {@code -sources.jar} files beside jars.
 *
 * <p>JShell looks into the JDK's own {@code src.zip} only. It has one place where other sources can be named, which is meant
 * for its tests and can be reached with {@value #OPTION}.
 */
final class ShellDocs {
    /** The option of {@code java} that lets this class name sources. */
    static final String OPTION = "--add-opens=jdk.jshell/jdk.jshell=ALL-UNNAMED";

    private static final String OWN = "META-INF/sources";
    private static final String JAR = ".jar";

    private ShellDocs() {}

    /**
     * Names the sources to JShell, for all shells of this process that have not explained anything yet.
     *
     * @throws IllegalStateException where this Java does not let it; then JShell explains names of the JDK only
     */
    static void install() throws IOException {
        try {
            Field place =
                    Class.forName("jdk.jshell.SourceCodeAnalysisImpl").getDeclaredField("availableSourcesOverride");
            place.setAccessible(true);
            place.set(null, sources());
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new IllegalStateException(
                    "JShell explains names of the JDK only, as this Java does not let it know of other sources: "
                            + "start it with " + OPTION + " (./run shell does)",
                    e);
        }
    }

    private static List<Path> sources() throws IOException {
        List<Path> all = new ArrayList<>(jdk());
        for (String entry : System.getProperty("java.class.path").split(Pattern.quote(File.pathSeparator))) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path.resolve(OWN))) {
                all.add(path.resolve(OWN));
            } else if (entry.endsWith(JAR) && Files.isRegularFile(path)) {
                Path attached = Path.of(entry.substring(0, entry.length() - JAR.length()) + "-sources.jar");
                if (Files.isRegularFile(attached)) {
                    all.add(root(attached));
                } else {
                    addOwn(path, all);
                }
            }
        }
        return all;
    }

    private static void addOwn(Path jar, List<Path> all) throws IOException {
        FileSystem files = FileSystems.newFileSystem(jar);
        Path own = files.getPath(OWN);
        if (Files.isDirectory(own)) {
            all.add(own); // open for the life of the shell
        } else {
            files.close();
        }
    }

    /** The JDK's modules, each a folder of its {@code src.zip}; none where there is no such file. */
    private static List<Path> jdk() throws IOException {
        Path zip = Path.of(System.getProperty("java.home"), "lib", "src.zip");
        List<Path> modules = new ArrayList<>();
        if (Files.isRegularFile(zip)) {
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(root(zip), Files::isDirectory)) {
                folders.forEach(modules::add);
            }
        }
        return modules;
    }

    private static Path root(Path zip) throws IOException {
        return FileSystems.newFileSystem(zip).getPath("/");
    }
}
