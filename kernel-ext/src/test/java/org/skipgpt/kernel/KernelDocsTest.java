package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.kernel.wire.Channel;

/** Names of added jars are explained by the sources, or by the pages of javadoc, that lie beside them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelDocsTest {
    private static final String SOURCE = """
            /** A box with one {@literal <} number. */
            public class Box {
                /** The most that fits, 9. */
                public static final int MOST = 9;
                /** Makes a box that holds a number. */
                public Box(int number) { }
                /** Puts nothing in. */
                public static int put() { return 0; }
                /**
                 * Puts {@code two} in.
                 *
                 * @param first goes below
                 * @param second goes above
                 * @return their sum
                 */
                public static int put(int first, java.util.Map<String, int[]> second) { return first; }
            }
            """;

    private Path folder;
    private LiveKernel kernel;

    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        library("sourced");
        library("paged");
        library("bare");
        kernel = LiveKernel.start(folder, Map.of());
        assertThat(kernel.run("%classpath sourced-1.jar paged-1.jar bare-1.jar").traceback())
                .isEmpty();
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"sourced", "paged"})
    void explainsAMethodByItsParameters(String library) throws Exception {
        assertThat(explained(library + ".Box.put"))
                .contains("Puts nothing in.", "Puts two in.", "goes above", "their sum");
    }

    @ParameterizedTest
    @ValueSource(strings = {"sourced", "paged"})
    void explainsAClassAConstructorAndAField(String library) throws Exception {
        assertThat(explained(library + ".Box")).contains("A box with one < number.");
        assertThat(explained("new " + library + ".Box(")).contains("Makes a box that holds a number.");
        assertThat(explained(library + ".Box.MOST")).contains("The most that fits, 9.");
    }

    @Test
    void whatHasNoDocumentationIsNamedOnly() throws Exception {
        assertThat(explained("bare.Box.put")).contains("Box.put()").doesNotContain("Puts");
    }

    private String explained(String code) throws Exception {
        JsonObject content = new JsonObject();
        content.addProperty("code", code);
        content.addProperty("cursor_pos", code.length());
        JsonObject reply = kernel.client
                .ask(Channel.SHELL, "inspect_request", content, LiveKernel.LIMIT)
                .content();
        assertThat(reply.get("found").getAsBoolean()).as(code).isTrue();
        return reply.getAsJsonObject("data").get("text/plain").getAsString();
    }

    private void library(String name) throws Exception {
        Path root = Files.createDirectories(folder.resolve(name));
        Path source = Files.createDirectories(root.resolve(name)).resolve("Box.java");
        Files.writeString(source, "package " + name + ";\n" + SOURCE);
        run("javac", "-d", root.resolve("classes").toString(), source.toString());
        jar(root.resolve("classes"), name + "-1.jar");
        if (name.equals("sourced")) {
            jar(root, name + "-1-sources.jar");
        } else if (name.equals("paged")) {
            run("javadoc", "-quiet", "-d", root.resolve("pages").toString(), source.toString());
            jar(root.resolve("pages"), name + "-1-javadoc.jar");
        }
    }

    private static void run(String tool, String... arguments) {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(said, true, UTF_8);
        int code = ToolProvider.findFirst(tool).orElseThrow().run(stream, stream, arguments);
        assertThat(code).as(said.toString(UTF_8)).isZero();
    }

    private void jar(Path root, String name) throws Exception {
        List<Path> files;
        try (Stream<Path> all = Files.walk(root)) {
            files = all.filter(Files::isRegularFile).toList();
        }
        try (OutputStream out = Files.newOutputStream(folder.resolve(name));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Path file : files) {
                zip.putNextEntry(new ZipEntry(root.relativize(file).toString().replace('\\', '/')));
                zip.write(Files.readAllBytes(file));
            }
        }
    }
}
