package org.skipgpt.kernel.cell;

import java.io.IOException;
import java.net.URI;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.tools.JavaFileObject;
import javax.tools.JavaFileObject.Kind;
import org.jspecify.annotations.Nullable;

/**
 * The JDK's classes by module and package. JShell has three compilers, each of which lists the same packages for itself;
 * here each is listed once, and without a look at each file.
 */
final class SystemClasses {
    private final Path modules = FileSystems.getFileSystem(URI.create("jrt:/")).getPath("/modules");
    private final Map<String, List<JavaFileObject>> listed = new ConcurrentHashMap<>();

    /** The classes of a package. */
    List<JavaFileObject> list(String module, String packageName) throws IOException {
        String key = module + "/" + packageName;
        List<JavaFileObject> known = listed.get(key);
        if (known == null) {
            known = read(modules.resolve(module).resolve(packageName.replace('.', '/')), packageName);
            listed.put(key, known);
        }
        return known;
    }

    private static List<JavaFileObject> read(Path folder, String packageName) throws IOException {
        List<JavaFileObject> found = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
            for (Path file : files) {
                String name = String.valueOf(file.getFileName());
                if (name.endsWith(Kind.CLASS.extension)) {
                    found.add(new ListedClass(
                            ClassPath.binaryName(packageName, name),
                            file.toString(),
                            Kind.CLASS,
                            () -> Files.newInputStream(file)));
                }
            }
        } catch (NoSuchFileException | NotDirectoryException e) {
            return List.of(); // the module has no such package
        }
        return found;
    }

    /** The class of a package that a name with dots means; nothing where there is none. */
    @Nullable
    JavaFileObject find(String module, String className) throws IOException {
        int dot = className.lastIndexOf('.');
        for (JavaFileObject file : list(module, dot < 0 ? "" : className.substring(0, dot))) {
            if (((ListedClass) file).binaryName().equals(className)) {
                return file;
            }
        }
        return null;
    }
}
