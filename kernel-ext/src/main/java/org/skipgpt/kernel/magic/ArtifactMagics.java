package org.skipgpt.kernel.magic;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.JavaKernel;
import org.skipgpt.kernel.KernelSettings;
import org.skipgpt.kernel.maven.MavenResolver;
import org.skipgpt.kernel.maven.MavenResolver.Resolved;

/** The magics that add to the class path: jars, folders, artifacts of Maven repositories. */
final class ArtifactMagics {
    private static final String CLASS_PATH = "java.class.path";

    private final JavaKernel kernel;
    private @Nullable MavenResolver resolver;

    ArtifactMagics(JavaKernel kernel) {
        this.kernel = kernel;
    }

    /** {@code %maven [--bom BOM] [--sources] COORDINATES ...} */
    @Nullable
    Object maven(List<String> arguments) throws IOException {
        List<String> coordinates = new ArrayList<>();
        List<String> boms = new ArrayList<>();
        boolean wantsSources = false;
        for (int i = 0; i < arguments.size(); i++) {
            if (arguments.get(i).equals("--bom") && i + 1 < arguments.size()) {
                i++;
                boms.add(arguments.get(i));
            } else if (arguments.get(i).equals("--sources")) {
                wantsSources = true;
            } else if (arguments.get(i).startsWith("-")) {
                throw new IllegalArgumentException("%maven knows no " + arguments.get(i)
                        + ": it takes --bom COORDINATES, --sources and coordinates");
            } else {
                coordinates.add(arguments.get(i));
            }
        }
        if (coordinates.isEmpty() && boms.isEmpty()) {
            throw new IllegalArgumentException("%maven takes group:artifact:version, once or more");
        }
        Progress progress = new Progress();
        Resolved resolved = resolver().resolve(coordinates, boms, progress::file);
        List<String> without = wantsSources ? resolver().fetchDocs(progress::file) : List.of();
        added(resolved, progress);
        if (!without.isEmpty()) {
            System.err.println("Note: no sources and no javadoc of " + String.join(", ", without)
                    + " are in the repositories; their names are explained without a text");
        }
        return null;
    }

    /** {@code %mavenRepo [ID ADDRESS]} */
    @Nullable
    Object repository(List<String> arguments) throws IOException {
        if (arguments.isEmpty()) {
            System.out.println(String.join("\n", resolver().repositories()));
        } else if (arguments.size() == 2) {
            resolver().addRepository(arguments.get(0), arguments.get(1));
        } else {
            throw new IllegalArgumentException(
                    "%mavenRepo takes an id and an address, or nothing to list what there is");
        }
        return null;
    }

    /** {@code %%loadFromPOM} */
    @Nullable
    Object pom(String text) throws IOException {
        Progress progress = new Progress();
        return added(resolver().resolvePom(text, progress::file), progress);
    }

    /** {@code %loadFromPOM FILE} */
    @Nullable
    Object pomFile(List<String> arguments) throws IOException {
        if (arguments.size() != 1) {
            throw new IllegalArgumentException("%loadFromPOM takes one file, %%loadFromPOM the text of one below it");
        }
        Path file = Path.of(arguments.get(0));
        if (!Files.isRegularFile(file)) {
            throw new IOException("there is no file " + KernelMagics.place(file) + "; correct the path");
        }
        return pom(Files.readString(file));
    }

    /** {@code %classpath [JAR OR FOLDER ...]} */
    @Nullable
    Object classpath(List<String> arguments) throws IOException {
        if (arguments.isEmpty()) {
            System.out.println(System.getProperty(CLASS_PATH).replace(File.pathSeparator, "\n"));
            return null;
        }
        List<Path> all = new ArrayList<>();
        for (String argument : arguments) {
            List<Path> found = KernelSettings.paths(argument);
            if (found.isEmpty() || !found.stream().allMatch(Files::exists)) {
                throw new IOException("there is no " + KernelMagics.place(Path.of(argument))
                        + "; correct the path of the jar or folder");
            }
            for (Path path : found) {
                checkIsArchive(path);
            }
            all.addAll(found);
        }
        add(all);
        return null;
    }

    private MavenResolver resolver() throws IOException {
        MavenResolver ready = resolver;
        if (ready == null) {
            ready = new MavenResolver();
            resolver = ready;
        }
        return ready;
    }

    private @Nullable Object added(Resolved resolved, Progress progress) {
        progress.end();
        List<Path> jars = new ArrayList<>();
        for (Path jar : resolved.added()) {
            String ours = kernelsOwn(jar);
            if (!ours.isEmpty() && !ours.equals(String.valueOf(jar.getFileName()))) {
                System.err.println("Note: the kernel has " + ours + " on its own class path; it is used instead of "
                        + jar.getFileName());
            } else if (ours.isEmpty()) {
                jars.add(jar);
            }
        }
        add(jars);
        resolved.conflicts().forEach(conflict -> System.err.println("Note: " + conflict));
        System.out.println("added " + jars.size() + (jars.size() == 1 ? " jar" : " jars")
                + (resolved.downloads() == 0 ? "" : ", " + resolved.downloads() + " files downloaded"));
        return null;
    }

    /** The file of the same artifact that this process was started with; a class loader asks there first. */
    private static String kernelsOwn(Path jar) {
        String artifact = artifact(String.valueOf(jar.getFileName()));
        return Arrays.stream(System.getProperty(CLASS_PATH).split(File.pathSeparator))
                .map(entry -> entry.substring(entry.lastIndexOf(File.separatorChar) + 1))
                .filter(name -> name.endsWith(".jar") && artifact(name).equals(artifact))
                .findFirst()
                .orElse("");
    }

    private static String artifact(String fileName) {
        return fileName.replaceFirst("-\\d.*$", "");
    }

    private void add(List<Path> paths) {
        kernel.engine().tryEval(";"); // the loader of cells is there once something has run
        for (Path path : paths) {
            String absolute = path.toAbsolutePath().normalize().toString();
            List<String> there = List.of(System.getProperty(CLASS_PATH).split(File.pathSeparator));
            if (!there.contains(absolute)) {
                kernel.addToClasspath(absolute);
                System.setProperty(CLASS_PATH, String.join(File.pathSeparator, there) + File.pathSeparator + absolute);
            }
        }
        kernel.installExtensions();
    }

    private static void checkIsArchive(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return;
        }
        try {
            new ZipFile(path.toFile()).close();
        } catch (ZipException e) {
            throw new IOException(path + " is neither a jar nor a folder: %classpath takes those; name one", e);
        }
    }

    /** One line that says what is downloaded. */
    private static final class Progress {
        private int count;

        synchronized void file(String name) {
            count++;
            System.out.print("\r" + count + " downloaded: " + name + " ".repeat(Math.max(0, 50 - name.length())));
        }

        synchronized void end() {
            if (count > 0) {
                System.out.print("\r" + " ".repeat(80) + "\r");
            }
        }
    }
}
