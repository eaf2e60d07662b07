package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.wire.Connection;

/** The kernelspec, the settings and the connection file. */
class KernelFilesTest {
    private final Path folder;

    KernelFilesTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void theKernelspecNamesThisJavaAndAsksForInterruptMessages() throws Exception {
        String classpath = "lib/a.jar" + File.pathSeparator + "pytorch-native-cpu-2.7.1.jar";

        Path spec = KernelSpec.install(folder, "Java (x)", classpath);

        JsonObject json = JsonParser.parseString(Files.readString(spec.resolve("kernel.json")))
                .getAsJsonObject();
        assertThat(spec).isEqualTo(folder.resolve("kernels/java"));
        assertThat(json.get("interrupt_mode").getAsString()).isEqualTo("message");
        assertThat(json.get("language").getAsString()).isEqualTo("java");
        assertThat(json.getAsJsonArray("argv").get(0).getAsString()).startsWith(System.getProperty("java.home"));
        assertThat(Files.readString(spec.resolve("java.args")))
                .contains(
                        "-Djava.awt.headless=true",
                        "-Dai.djl.offline=true",
                        "--add-modules=jdk.incubator.vector",
                        Path.of("lib/a.jar").toAbsolutePath().toString());
        assertThat(json.getAsJsonObject("env").has("GOMP_SPINCOUNT"))
                .isEqualTo(System.getenv("OMP_WAIT_POLICY") == null);
        assertThat(json.getAsJsonObject("env").has("GLIBC_TUNABLES"))
                .isEqualTo(System.getenv().keySet().stream().noneMatch(name -> name.startsWith("MALLOC_")));
        assertThat(spec.resolve("logo-64x64.png")).isNotEmptyFile();
        assertThat(spec.resolve("logo-svg.svg")).isNotEmptyFile();
    }

    @Test
    void theLauncherKeepsAsMuchMemoryAsTheKernelspec() throws Exception {
        Path root = Path.of(System.getProperty("skipgpt.root", ".."));

        assertThat(Files.readString(root.resolve("run")))
                .contains("export GLIBC_TUNABLES=" + KernelSpec.KEPT_MEMORY + System.lineSeparator());
    }

    @Test
    void aClassPathWithoutCpuLibrariesMayDownloadThem() throws Exception {
        Path spec = KernelSpec.install(folder, "Java", "a.jar");

        assertThat(Files.readString(spec.resolve("java.args"))).doesNotContain("ai.djl.offline");
    }

    @Test
    void aQuestionForHelpMakesNoFolder() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process help = new ProcessBuilder(
                        java, "-cp", System.getProperty("java.class.path"), KernelSpec.class.getName(), "--help")
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();

        assertThat(new String(help.getInputStream().readAllBytes(), UTF_8)).contains("usage: KernelSpec FOLDER");
        assertThat(help.waitFor()).isEqualTo(2);
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void readsTheSettingsOfIJava() throws Exception {
        Files.writeString(folder.resolve("one.jar"), "");
        Files.writeString(folder.resolve("two.jar"), "");
        Files.writeString(folder.resolve("three.txt"), "");

        KernelSettings settings = KernelSettings.of(Map.of(
                "IJAVA_CLASSPATH", folder + "/*.jar" + File.pathSeparator + "/x/y.jar",
                "IJAVA_COMPILER_OPTS", " -Xlint:all  -parameters",
                "IJAVA_TIMEOUT", "30 SECONDS"));

        assertThat(settings.classpath())
                .containsExactly(folder.resolve("one.jar"), folder.resolve("two.jar"), Path.of("/x/y.jar"));
        assertThat(KernelSettings.of(Map.of("IJAVA_CLASSPATH", folder + "/")).classpath())
                .containsExactly(folder.resolve("one.jar"), folder.resolve("two.jar"));
        assertThat(settings.compilerOptions()).containsExactly("-Xlint:all", "-parameters");
        assertThat(settings.timeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(KernelSettings.of(Map.of("IJAVA_TIMEOUT", "250")).timeout()).isEqualTo(Duration.ofMillis(250));
        assertThat(KernelSettings.of(Map.of()).timeout()).isEqualTo(Duration.ZERO);
        assertThatThrownBy(() -> KernelSettings.of(Map.of("IJAVA_TIMEOUT", "soon")))
                .hasMessageContaining("IJAVA_TIMEOUT");
    }

    @Test
    void aConnectionStaysOnTheLoopbackInterface() throws Exception {
        Connection local = Connection.local();
        Path file = Files.writeString(folder.resolve("c.json"), local.toJson());

        assertThat(Connection.read(file)).isEqualTo(local);
        assertThat(local.ip()).isEqualTo("127.0.0.1");
        String withoutIp = local.toJson().replace("\"ip\":\"127.0.0.1\",", "");
        assertThat(Connection.read(Files.writeString(file, withoutIp)).ip()).isEqualTo("127.0.0.1");
    }
}
