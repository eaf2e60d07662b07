package org.skipgpt.kernel.shell;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShellTest {
    @Test
    void runsAScriptWithTheLibraryLoaded(@TempDir Path folder) throws Exception {
        Path script = Files.writeString(
                folder.resolve("s.jsh"),
                "Observer o = Observer.silent();\nprintln(new Progress(\"a\", 1, 2, \"b\", 3, \"\").isDone());\n/exit 3\n");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Shell.class.getName(),
                        script.toString())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();

        String output = new String(process.getInputStream().readAllBytes(), UTF_8);

        assertThat(process.waitFor()).as(output).isEqualTo(3);
        assertThat(output).contains("false").doesNotContain("rror");
    }
}
