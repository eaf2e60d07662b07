package org.skipgpt.kernel.cell;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import javax.tools.JavaFileObject;
import javax.tools.JavaFileObject.Kind;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.JarContents.Stamp;

/**
 * The classes of a class path by package; a jar is opened when one of its packages is asked for. Of a class that is there
 * twice the first one counts.
 */
public final class ClassPath {
    /** The system property that names the file which a kernelspec brings, see {@link #describe}. */
    public static final String DESCRIPTION = "skipgpt.kernel.jars";

    private static final String CLASS = Kind.CLASS.extension;
    private static final Map<Stamp, JarContents> KNOWN = new ConcurrentHashMap<>(known());
    private static final Map<Path, JarFile> OPEN = new ConcurrentHashMap<>();

    private final Set<Path> paths = new LinkedHashSet<>();
    private final Map<Path, JarContents> jars = new HashMap<>();
    private final Map<String, List<JavaFileObject>> listed = new ConcurrentHashMap<>();

    /** Takes a class path, written as for javac: with {@code *} for all jars of a folder. */
    public ClassPath(String text) {
        for (String entry : text.split(Pattern.quote(File.pathSeparator))) {
            if (entry.equals("*") || entry.endsWith(File.separator + "*")) {
                jarsOf(Path.of(entry.substring(0, entry.length() - 1))).forEach(this::add);
            } else {
                add(Path.of(entry.isEmpty() ? "." : entry));
            }
        }
    }

    /** All entries, in order, with those that manifests name. */
    List<Path> paths() {
        return List.copyOf(paths);
    }

    /** Whether a jar or a folder says that it provides a service. */
    public boolean provides(String service) {
        return paths.stream().anyMatch(path -> {
            JarContents jar = jars.get(path);
            return jar == null
                    ? Files.exists(path.resolve("META-INF/services").resolve(service))
                    : jar.services().contains(service);
        });
    }

    /** The jars that have classes of a package, in order. */
    List<Path> having(String packageName) {
        return paths.stream()
                .filter(path -> {
                    JarContents jar = jars.get(path);
                    return jar != null && jar.packages().contains(packageName);
                })
                .toList();
    }

    /** The lines of a file that tells a later Java what the jars of this class path have. */
    public List<String> describe() throws IOException {
        Map<Stamp, JarContents> all = new HashMap<>();
        for (Map.Entry<Path, JarContents> jar : jars.entrySet()) {
            Stamp stamp = Stamp.of(jar.getKey());
            if (stamp != null) {
                all.put(stamp, jar.getValue());
            }
        }
        return JarContents.lines(all);
    }

    private static Map<Stamp, JarContents> known() {
        String file = System.getProperty(DESCRIPTION);
        try {
            return file == null || !Files.exists(Path.of(file)) ? Map.of() : JarContents.read(Path.of(file));
        } catch (IOException | IllegalArgumentException e) { // then they are looked through
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.WARNING, file + " cannot be read", e);
            return Map.of();
        }
    }

    /** The classes of a package; of folders the sources, too. */
    List<JavaFileObject> list(String packageName, Set<Kind> kinds) throws IOException {
        List<JavaFileObject> found = new ArrayList<>();
        for (Path path : paths) {
            JarContents jar = jars.get(path);
            if (jar == null) {
                addFrom(path, packageName, kinds, found);
            } else if (jar.packages().contains(packageName) && kinds.contains(Kind.CLASS)) {
                found.addAll(listed.computeIfAbsent(path + "!" + packageName, key -> classes(path, packageName)));
            }
        }
        return found;
    }

    private static void addFrom(Path folder, String packageName, Set<Kind> kinds, List<JavaFileObject> found)
            throws IOException {
        Path place = folder.resolve(packageName.replace('.', '/'));
        if (!Files.isDirectory(place)) {
            return;
        }
        try (Stream<Path> files = Files.list(place)) {
            for (Path file : files.sorted().toList()) {
                String name = String.valueOf(file.getFileName());
                Kind kind = name.endsWith(CLASS)
                        ? Kind.CLASS
                        : name.endsWith(Kind.SOURCE.extension) ? Kind.SOURCE : Kind.OTHER;
                if (kind != Kind.OTHER && kinds.contains(kind)) {
                    found.add(new ListedClass(
                            binaryName(packageName, name), file.toString(), kind, () -> Files.newInputStream(file)));
                }
            }
        }
    }

    private static List<JavaFileObject> classes(Path path, String packageName) {
        JarFile jar = open(path);
        String folder = packageName.isEmpty() ? "" : packageName.replace('.', '/') + "/";
        List<JavaFileObject> found = new ArrayList<>();
        jar.versionedStream().map(JarEntry::getName).forEach(name -> {
            if (name.startsWith(folder) && name.endsWith(CLASS) && name.indexOf('/', folder.length()) < 0) {
                String binaryName = binaryName(packageName, name.substring(folder.length()));
                found.add(new ListedClass(binaryName, path + "!/" + name, Kind.CLASS, () -> open(jar, name)));
            }
        });
        return found;
    }

    // Open for the life of the session, as the class loader has them; in the version for this Java where there are
    // several.
    private static JarFile open(Path path) {
        return OPEN.computeIfAbsent(path, key -> {
            try {
                return new JarFile(path.toFile(), false, ZipFile.OPEN_READ, JarFile.runtimeVersion());
            } catch (IOException e) {
                throw new UncheckedIOException(path + " cannot be read any more; restart the kernel", e);
            }
        });
    }

    private static InputStream open(JarFile jar, String name) throws IOException {
        JarEntry entry = jar.getJarEntry(name);
        if (entry == null) {
            throw new FileNotFoundException(jar.getName() + " has no " + name + " any more");
        }
        return jar.getInputStream(entry);
    }

    /** The full name of a class by its package and file name. */
    static String binaryName(String packageName, String fileName) {
        String simple = fileName.substring(0, fileName.lastIndexOf('.'));
        return packageName.isEmpty() ? simple : packageName + "." + simple;
    }

    private void add(Path path) {
        if (paths.add(path)) {
            JarContents jar = contents(path);
            if (jar != null) {
                jars.put(path, jar);
                jar.others().forEach(other -> add(path.resolveSibling(other.replaceFirst("^file:", ""))));
            }
        }
    }

    private static @Nullable JarContents contents(Path path) {
        try {
            Stamp stamp = Stamp.of(path);
            if (stamp == null) {
                return null;
            }
            JarContents known = KNOWN.get(stamp);
            if (known == null) {
                known = JarContents.of(path);
                KNOWN.put(stamp, known);
                JarFile old = OPEN.remove(path); // of the jar that was there before
                if (old != null) {
                    old.close();
                }
            }
            return known;
        } catch (IOException e) { // the class loader does not read it either
            System.getLogger("org.skipgpt.kernel")
                    .log(System.Logger.Level.WARNING, path + " is no jar: " + e.getMessage());
            return null;
        }
    }

    private static List<Path> jarsOf(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.toString().toLowerCase(Locale.ROOT).endsWith(".jar"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of(); // as javac has it, nothing is there
        }
    }
}
