package org.skipgpt.kernel.cell;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The documentation that lies beside the jars of a class path, as Maven repositories have it: of {@code lib-1.0.jar} the
 * files {@code lib-1.0-sources.jar} and {@code lib-1.0-javadoc.jar}.
 */
final class AttachedDocs {
    private static final String JAR = ".jar";
    private static final String SOURCES = "-sources.jar";
    private static final String PAGES = "-javadoc.jar";

    private final ClassPath classPath;

    AttachedDocs(ClassPath classPath) {
        this.classPath = classPath;
    }

    /** The source file of a class that is no nested one; empty where no jar has it. */
    Optional<String> source(String className) {
        return find(className, SOURCES, ".java");
    }

    /** The page that javadoc made of a class, nested or not; empty where no jar has it. */
    Optional<String> page(String className) {
        return find(className, PAGES, ".html");
    }

    private Optional<String> find(String className, String ending, String kind) {
        int dot = className.lastIndexOf('.');
        String packageName = dot < 0 ? "" : className.substring(0, dot);
        String name =
                packageName.isEmpty() ? className : packageName.replace('.', '/') + "/" + className.substring(dot + 1);
        for (Path jar : classPath.having(packageName)) {
            String file = jar.toString();
            Path beside = Path.of(file.substring(0, file.length() - JAR.length()) + ending);
            Optional<String> text =
                    file.endsWith(JAR) && Files.isRegularFile(beside) ? read(beside, name + kind) : Optional.empty();
            if (text.isPresent()) {
                return text;
            }
        }
        return Optional.empty();
    }

    private static Optional<String> read(Path jar, String name) {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            ZipEntry entry = zip.getEntry(name);
            if (entry == null) {
                return Optional.empty();
            }
            try (InputStream in = zip.getInputStream(entry)) {
                return Optional.of(new String(in.readAllBytes(), UTF_8));
            }
        } catch (IOException e) { // a name is explained without documentation then
            System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.WARNING, jar + " cannot be read", e);
            return Optional.empty();
        }
    }
}
