package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Installing on a bare home folder, beside others, and taking away again. */
class KernelInstallTest {
    private final Path home;

    KernelInstallTest(@TempDir Path home) {
        this.home = home;
    }

    @Test
    void installsForTheUserAndTakesAwayAllOfIt() throws Exception {
        Path data = home.resolve("data");

        run("install", "--user");
        Path spec = data.resolve("kernels/java");
        assertThat(spec.resolve("kernel.json")).isNotEmptyFile();
        assertThat(spec.resolve("java.args")).isNotEmptyFile();
        try (LiveKernel kernel = LiveKernel.startFrom(spec, home, Map.of())) {
            assertThat(kernel.run("6 * 7").result()).contains("42");
        }
        run("install"); // anew is no trouble
        run("uninstall");

        assertThat(spec).doesNotExist();
        assertThatThrownBy(() -> run("uninstall"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("there is no kernel");
    }

    @Test
    void installsBelowAPrefixUnderAnotherName() throws Exception {
        run(
                "install",
                "--prefix",
                home.resolve("venv").toString(),
                "--name",
                "skipgpt-java",
                "--display-name",
                "Mine",
                "--variables");

        Path json = home.resolve("venv/share/jupyter/kernels/skipgpt-java/kernel.json");
        assertThat(json)
                .content()
                .contains("\"display_name\": \"Mine\"", "\"debugger\": true", KernelMain.class.getName());
        Path plain = Files.writeString(home.resolve("plain"), "");
        assertThat(Files.getPosixFilePermissions(json)).isEqualTo(Files.getPosixFilePermissions(plain));
    }

    @Test
    void anotherKernelOfTheNameStaysUnlessItIsAskedFor() throws Exception {
        Path spec = Files.createDirectories(home.resolve("data/kernels/java"));
        Path json = Files.writeString(spec.resolve("kernel.json"), "{\"argv\": [\"java\", \"-jar\", \"ijava.jar\"]}");

        assertThatThrownBy(() -> run("install"))
                .hasMessageContainingAll("another kernel is installed", "--replace", "--name");
        assertThatThrownBy(() -> KernelSpec.install(home.resolve("data"), "Java", "a.jar"))
                .hasMessageContaining("another kernel is installed");
        assertThatThrownBy(() -> run("uninstall")).hasMessageContaining("is another's and stays");
        assertThat(json).content().contains("ijava.jar");

        run("install", "--replace");
        assertThat(json).content().contains(KernelMain.class.getName());
    }

    @Test
    void aWrongCommandLineChangesNothing() throws Exception {
        for (List<String> wrong : List.of(
                List.<String>of(),
                List.of("--help"),
                List.of("install", "--prefix"),
                List.of("install", "--nosuch"),
                List.of("install", "--name", "../x"))) {
            assertThatThrownBy(() -> KernelInstall.run(wrong, environment()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        try (var files = Files.list(home)) {
            assertThat(files).isEmpty();
        }
    }

    private void run(String... arguments) throws IOException {
        KernelInstall.run(List.of(arguments), environment());
    }

    private Map<String, String> environment() {
        return Map.of(
                "HOME",
                home.toString(),
                "JUPYTER_DATA_DIR",
                home.resolve("data").toString());
    }
}
