package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.skipgpt.report.Report;

class CellImportsTest {
    private static final List<String> OPTIONAL = List.of("org/apache/parquet/", "com/hubspot/jinjava/", "jinjava/");

    @Test
    void noImportedNameIsAmbiguous() throws Exception {
        List<String> imports = CellImports.forCells();
        Map<String, List<String>> owners = new TreeMap<>();
        List<String> packages = new ArrayList<>(List.of("java.lang"));
        imports.stream()
                .filter(line -> !line.startsWith("import static") && line.endsWith(".*;"))
                .forEach(line -> packages.add(line.substring("import ".length(), line.length() - 3)));

        for (String name : packages) {
            for (String simple : publicClasses(name)) {
                owners.computeIfAbsent(simple, key -> new ArrayList<>()).add(name);
            }
        }

        assertThat(owners).containsKeys("List", "Report", "String");
        List<String> ambiguous = owners.entrySet().stream()
                .filter(entry -> entry.getValue().size() > 1)
                .filter(entry -> entry.getValue().stream().anyMatch(owner -> owner.startsWith("org.skipgpt")))
                .filter(entry -> imports.stream().noneMatch(line -> line.endsWith("." + entry.getKey() + ";")))
                .map(entry -> entry.getKey() + " in " + entry.getValue())
                .toList();
        assertThat(ambiguous)
                .as("import the one that cells mean, by its own line in startup-imports.txt")
                .isEmpty();
    }

    @Test
    void theShellHasNoNotebook() throws Exception {
        assertThat(CellImports.forShell())
                .contains("import static org.skipgpt.kernel.live.Live.live;")
                .noneMatch(line -> line.contains("Notebook"));
    }

    @Test
    void stockIJavaImportsTheSame() throws Exception {
        String script = new String(
                Objects.requireNonNull(CellImports.class.getResourceAsStream("ijava-startup.jsh"))
                        .readAllBytes(),
                UTF_8);

        assertThat(script.lines().filter(line -> line.startsWith("import ")))
                .containsExactlyElementsOf(CellImports.forShell());
    }

    private static List<String> publicClasses(String name) throws Exception {
        List<String> found = new ArrayList<>();
        if (name.startsWith("java.")) {
            FileSystem jdk = FileSystems.getFileSystem(URI.create("jrt:/"));
            for (Path file : list(jdk.getPath("modules", "java.base", name.replace('.', '/')))) {
                add(name, file, found);
            }
            return found;
        }
        URI root =
                Report.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        if (root.getPath().endsWith(".jar")) {
            try (FileSystem jar = FileSystems.newFileSystem(Path.of(root))) {
                for (Path file : list(jar.getPath(name.replace('.', '/')))) {
                    add(name, file, found);
                }
            }
            return found;
        }
        for (Path file : list(Path.of(root).resolve(name.replace('.', '/')))) {
            add(name, file, found);
        }
        return found;
    }

    private static List<Path> list(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    private static void add(String name, Path file, List<String> found) throws IOException {
        String simple = file.getFileName().toString();
        if (!simple.endsWith(".class") || simple.contains("$") || simple.contains("-")) {
            return;
        }
        String bare = simple.substring(0, simple.length() - ".class".length());
        try {
            Class<?> type = Class.forName(name + "." + bare, false, CellImportsTest.class.getClassLoader());
            if (Modifier.isPublic(type.getModifiers())) {
                found.add(bare);
            }
        } catch (NoClassDefFoundError e) {
            // It extends a class of an optional library, for Parquet or chat templates, which cells have not unless
            // they add it.
            if (OPTIONAL.stream().noneMatch(String.valueOf(e.getMessage())::startsWith)) {
                throw e;
            }
        } catch (ClassNotFoundException e) {
            throw new IOException(e);
        }
    }
}
