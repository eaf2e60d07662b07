package org.skipgpt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import jdk.jshell.JShell;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is what runs. */
class ReadmeEngineTest {
    private static final Path ROOT = Path.of(System.getProperty("skipgpt.root", ".."));
    private static final Path MODEL = Path.of("src", "test", "resources", "golden", "harness", "model");

    @TempDir
    private Path folder;

    @Test
    void theJavaExampleCompilesAndPrintsANextToken() throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(readme());
        assertThat(block.find()).isTrue();
        Path source = folder.resolve("Next.java");
        Files.writeString(source, block.group(1));

        int compiled = ToolProvider.getSystemJavaCompiler()
                .run(null, null, null, "-cp", System.getProperty("java.class.path"), source.toString());
        assertThat(compiled).isZero();

        assertThat(printed(() -> {
                    try (var loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
                        loader.loadClass("Next")
                                .getMethod("main", String[].class)
                                .invoke(null, (Object) new String[] {MODEL.toString()});
                    }
                }))
                .contains("model · llama")
                .containsPattern("next token: \\S+");
    }

    @Test
    void theShellExampleRunsWithTheShellsImports() throws Exception {
        Path imports = Path.of("src", "main", "resources", "org", "skipgpt", "start.jsh");
        List<String> lines = readme().lines()
                .filter(line -> line.startsWith("    jshell> "))
                .map(line -> line.substring("    jshell> ".length()))
                .toList();
        assertThat(lines).hasSizeGreaterThanOrEqualTo(10);

        try (JShell shell = JShell.builder().executionEngine("local").build()) {
            for (String entry : System.getProperty("java.class.path").split(java.io.File.pathSeparator)) {
                shell.addToClasspath(entry);
            }
            run(shell, Files.readString(imports));
            for (String line : lines) {
                run(shell, line);
            }
        }
    }

    private static void run(JShell shell, String code) {
        String rest = code;
        while (!rest.isBlank()) {
            SourceCodeAnalysis.CompletionInfo part = shell.sourceCodeAnalysis().analyzeCompletion(rest);
            assertThat(part.completeness().isComplete()).as(rest).isTrue();
            for (SnippetEvent event : shell.eval(part.source())) {
                assertThat(event.exception()).as(part.source()).isNull();
                assertThat(event.status()).as(part.source()).isEqualTo(Snippet.Status.VALID);
            }
            rest = part.remaining();
        }
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
