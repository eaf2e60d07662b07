package org.skipgpt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is what runs. */
class ReadmeEngineTest {
    private static final Path ROOT = Path.of(System.getProperty("skipgpt.root", ".."));
    private static final Path MODEL = Path.of("src", "test", "resources", "golden", "harness", "model");

    @Test
    void theJavaExampleCompilesAndPrintsANextToken(@TempDir Path folder) throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme());
        assertThat(block.find()).isTrue();
        Path source = folder.resolve("Next.java");
        Files.writeString(source, block.group(1));

        int compiled = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-cp", System.getProperty("java.class.path"), source.toString());
        assertThat(compiled).isZero();

        assertThat(printed(() -> {
                    try (var loader =
                            new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
                        loader.loadClass("Next")
                                .getMethod("main", String[].class)
                                .invoke(null, (Object) new String[] {MODEL.toString()});
                    }
                }))
                .contains("model · llama")
                .containsPattern("next token: \\S+");
    }

    private static String readme() throws Exception {
        return Files.readString(ROOT.resolve("README.md"));
    }

    private interface Work {
        void run() throws Exception;
    }

    private static String printed(Work work) throws Exception {
        PrintStream before = System.out;
        var bytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(bytes, true, UTF_8));
        try {
            work.run();
        } finally {
            System.setOut(before);
        }
        return bytes.toString(UTF_8);
    }
}
