package org.skipgpt.kernel.cell;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.JavaFileObject;
import javax.tools.JavaFileObject.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.cell.JarContents.Stamp;

/** The class path as the compiler of cells sees it. */
class ClassPathTest {
    private final Path folder;

    ClassPathTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void listsAPackageOfJarsAndFoldersInOrder() throws Exception {
        Path first = jar("first.jar", Map.of("a/One.class", "1", "a/b/Deep.class", "2", "Root.class", "3"));
        Path classes = folder.resolve("classes");
        Files.createDirectories(classes.resolve("a"));
        Files.writeString(classes.resolve("a/Two.java"), "package a; class Two {}");
        Path second = jar("second.jar", Map.of("a/One.class", "9", "a/Odd name{}.class", "4"));
        ClassPath path =
                new ClassPath(String.join(File.pathSeparator, first.toString(), classes.toString(), second.toString()));

        assertThat(names(path, "a")).containsExactly("a.One", "a.Two", "a.Odd name{}", "a.One");
        assertThat(names(path, "")).containsExactly("Root");
        assertThat(names(path, "a.b")).containsExactly("a.b.Deep");
        assertThat(names(path, "nowhere")).isEmpty();
        JavaFileObject one = path.list("a", Set.of(Kind.CLASS)).get(0);
        try (InputStream in = one.openInputStream()) {
            assertThat(in.readAllBytes()).isEqualTo("1".getBytes(UTF_8));
        }
        assertThat(one.isNameCompatible("One", Kind.CLASS)).isTrue();
        assertThat(path.list("a", Set.of(Kind.SOURCE)).get(0).getCharContent(true))
                .asString()
                .contains("class Two");
        for (JavaFileObject file : path.list("a", Set.of(Kind.CLASS))) {
            assertThat(file.toUri().getPath()).endsWith(".class");
        }
    }

    @Test
    void followsManifestsAndFoldersOfJars() throws Exception {
        jar("lib.jar", Map.of("lib/Lib.class", "1"));
        Path main = jar(
                "main.jar", Map.of("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nClass-Path: lib.jar gone.jar\n"));

        assertThat(names(new ClassPath(main.toString()), "lib")).containsExactly("lib.Lib");
        assertThat(names(new ClassPath(folder + File.separator + "*"), "lib")).containsExactly("lib.Lib");
    }

    @Test
    void ofAJarWithSeveralVersionsTakesTheOneForThisJava() throws Exception {
        Path jar = jar(
                "versions.jar",
                Map.of(
                        "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMulti-Release: true\n",
                        "v/Some.class", "old",
                        "META-INF/versions/11/v/Some.class", "new",
                        "META-INF/versions/11/only/Here.class", "here"));
        ClassPath path = new ClassPath(jar.toString());

        List<JavaFileObject> found = path.list("v", Set.of(Kind.CLASS));
        assertThat(found).hasSize(1);
        try (InputStream in = found.get(0).openInputStream()) {
            assertThat(in.readAllBytes()).isEqualTo("new".getBytes(UTF_8));
        }
        assertThat(names(path, "only")).containsExactly("only.Here");
    }

    @Test
    void aJarThatIsWrittenAnewIsReadAnew() throws Exception {
        Path jar = jar("changes.jar", Map.of("a/Old.class", "1"));
        assertThat(names(new ClassPath(jar.toString()), "a")).containsExactly("a.Old");
        Files.delete(jar);
        jar("changes.jar", Map.of("b/New.class", "12345"));

        ClassPath path = new ClassPath(jar.toString());
        assertThat(names(path, "a")).isEmpty();
        assertThat(names(path, "b")).containsExactly("b.New");
    }

    @Test
    void tellsServicesAndWritesDownWhatItFound() throws Exception {
        Path jar = jar(
                "service.jar",
                Map.of("META-INF/services/some.Service", "a.One", "a/One.class", "1", "Root.class", "2"));
        Path bare = jar("bare.jar", Map.of("readme.txt", "1"));
        Path broken = Files.writeString(folder.resolve("broken.jar"), "no jar");
        ClassPath path = new ClassPath(String.join(File.pathSeparator, jar + "", bare + "", broken + ""));

        assertThat(path.provides("some.Service")).isTrue();
        assertThat(path.provides("another.Service")).isFalse();
        Path file = Files.write(folder.resolve("jars.txt"), path.describe());
        Map<Stamp, JarContents> read = JarContents.read(file);
        assertThat(read)
                .containsEntry(Stamp.of(jar), JarContents.of(jar))
                .containsKey(Stamp.of(bare))
                .hasSize(2);
        assertThat(JarContents.of(jar).packages()).containsExactlyInAnyOrder("", "a");
    }

    private static List<String> names(ClassPath path, String packageName) throws Exception {
        List<String> names = new ArrayList<>();
        for (JavaFileObject file : path.list(packageName, Set.of(Kind.CLASS, Kind.SOURCE))) {
            names.add(((ListedClass) file).binaryName());
        }
        return names;
    }

    private Path jar(String name, Map<String, String> entries) throws Exception {
        Path file = folder.resolve(name);
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, String> entry : new TreeMap<>(entries).entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue().getBytes(UTF_8));
            }
        }
        return file;
    }
}
