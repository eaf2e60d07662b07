package org.skipgpt.vector;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a Java started with and without the module says. */
class VectorsTest {
    @Test
    void withoutTheModuleTheLibrarySaysWhatToAdd() throws Exception {
        assertThat(said())
                .isEqualTo("none: Java was started without its module jdk.incubator.vector: add "
                        + "--add-modules jdk.incubator.vector");
    }

    @Test
    void withTheModuleTheKernelsAreLoaded() throws Exception {
        assertThat(said("--add-modules", "jdk.incubator.vector"))
                .isEqualTo("bits " + Vectors.kernels().orElseThrow().bits());
    }

    private static String said(String... options) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Says.class.getName()));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return out.strip();
    }

    /** Run in a process of its own. */
    static final class Says {
        private Says() {}

        public static void main(String[] arguments) {
            System.out.println(Vectors.kernels()
                    .map(k -> "bits " + k.bits())
                    .orElseGet(() -> "none: " + Vectors.missing().orElse("")));
        }
    }
}
