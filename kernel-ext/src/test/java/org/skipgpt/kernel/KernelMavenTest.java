package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.client.CellRun;

/** The magics that bring artifacts, in a session whose settings name a repository of the test's own as the mirror of all. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelMavenTest {
    private Path folder;
    private LiveKernel kernel;

    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        Path repository = folder.resolve("repository");
        for (String artifact : new String[] {"one", "two", "three", "four"}) {
            publish(repository, artifact);
        }
        Path settings = Files.createDirectories(folder.resolve("home/.m2")).resolve("settings.xml");
        Files.writeString(
                settings,
                "<settings><mirrors><mirror><id>mine</id><mirrorOf>*</mirrorOf><url>" + repository.toUri()
                        + "</url></mirror></mirrors></settings>");
        String options = "-Duser.home=" + folder.resolve("home") + " -Dmaven.repo.local=" + folder.resolve("local");
        kernel = LiveKernel.start(folder, Map.of("JDK_JAVA_OPTIONS", options));
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @Test
    void bothNamesOfTheMagicBringAnArtifactAndTellWhatComes() throws Exception {
        CellRun maven = kernel.run("%maven t:one:1");
        assertThat(maven.traceback()).isEmpty();
        assertThat(maven.stream("stdout")).contains("downloaded: one-1.jar", "added 1 jar, 2 files downloaded");
        assertThat(kernel.run("%addMavenDependency t:two:1").traceback()).isEmpty();

        assertHas("one");
        assertHas("two");
        assertThat(kernel.run("%jars").stream("stdout")).contains("one-1.jar", "two-1.jar");
    }

    @Test
    void dependenciesComeFromAPomInACellOrInAFile() throws Exception {
        Files.writeString(folder.resolve("mine.xml"), dependency("four"));

        assertThat(kernel.run("%%loadFromPOM\n" + dependency("three")).traceback())
                .isEmpty();
        assertThat(kernel.run("%loadFromPOM mine.xml").traceback()).isEmpty();

        assertHas("three");
        assertHas("four");
    }

    private void assertHas(String artifact) throws Exception {
        assertThat(kernel.run("Thread.currentThread().getContextClassLoader().getResource(\"" + artifact
                                + ".txt\") != null")
                        .result())
                .contains("true");
    }

    private static void publish(Path repository, String artifact) throws Exception {
        Path place = Files.createDirectories(
                repository.resolve("t").resolve(artifact).resolve("1"));
        Files.writeString(
                place.resolve(artifact + "-1.pom"),
                "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>" + artifact
                        + "</artifactId><version>1</version></project>");
        try (OutputStream out = Files.newOutputStream(place.resolve(artifact + "-1.jar"));
                ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry(artifact + ".txt"));
            zip.write("here".getBytes(UTF_8));
        }
    }

    private static String dependency(String artifact) {
        return "<dependency><groupId>t</groupId><artifactId>" + artifact
                + "</artifactId><version>1</version></dependency>";
    }
}
