package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Run.java, which run.cmd calls, does in a checkout with a Maven and classes of the test's own what ./run does. */
class LauncherTest {
    private static final Path ROOT = Path.of(System.getProperty("skipgpt.root", ".."));
    private static final String JAVA =
            Path.of(System.getProperty("java.home"), "bin", "java").toString();
    /** Says with what it was started, as each program of the library is in this checkout. */
    private static final String ECHO = """
            package org.skipgpt;
            public class Doctor {
                public static void main(String[] args) {
                    System.out.println(java.util.List.of(args));
                    for (String name : new String[] {"skipgpt.home", "ai.djl.offline", "java.class.path", "file.encoding"}) {
                        System.out.println(name + "=" + System.getProperty(name));
                    }
                    System.out.println(ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent());
                    System.out.println(System.getenv("GOMP_SPINCOUNT"));
                    System.out.println(System.getenv("GLIBC_TUNABLES"));
                    System.exit(args.length == 1 && args[0].equals("fail") ? 7 : 0);
                }
            }
            """;

    private static Path made;
    private Path checkout;
    private Path calls;

    /** What a command printed, and its exit code. */
    private record Ended(int code, String text) {}

    @BeforeAll
    static void makeJar(@TempDir Path folder) throws IOException {
        made = folder;
        jar(folder.resolve("made.jar"), Files.createDirectories(folder.resolve("classes")));
    }

    @BeforeEach
    void makeCheckout(@TempDir Path fresh) throws IOException {
        checkout = fresh;
        calls = checkout.resolve("calls.txt");
        for (String name : List.of("run", "launcher/Run.java", "launcher/Build.java", "launcher/Lab.java")) {
            Files.createDirectories(checkout.resolve(name).getParent());
            Files.copy(ROOT.resolve(name), checkout.resolve(name));
        }
        for (String folder :
                List.of("kernel-ext/src/main", "kernel-ext/target", "skipgpt/src/main", "datasets", "bin")) {
            Files.createDirectories(checkout.resolve(folder));
        }
        for (String file : List.of("pom.xml", "kernel-ext/pom.xml", "skipgpt/pom.xml", "datasets/manifest.json")) {
            Files.writeString(checkout.resolve(file), "");
        }
        Files.createDirectories(checkout.resolve("notebooks"));
        for (String name : List.of("00-first", "01-second", "01-third")) {
            Files.writeString(checkout.resolve("notebooks/" + name + ".ipynb"), "{}");
        }
        Files.copy(made.resolve("made.jar"), checkout.resolve("made.jar"));
        Path maven = checkout.resolve("bin/mvn");
        Files.writeString(maven, """
                #!/bin/sh
                echo "$@" >> calls.txt
                cp made.jar kernel-ext/target/kernel-ext-1.jar
                printf '%s' "$PWD/made.jar" > kernel-ext/target/runtime-classpath.txt
                """);
        assumeTrue(maven.toFile().setExecutable(true) && Files.isExecutable(Path.of("/bin/sh")));
        age();
    }

    // Older than any stamp, also where times are whole seconds.
    private void age() throws IOException {
        try (Stream<Path> all = Files.walk(checkout)) {
            for (Path one : all.toList()) {
                Files.setLastModifiedTime(one, FileTime.from(Instant.now().minusSeconds(60)));
            }
        }
    }

    private static void jar(Path jar, Path classes) throws IOException {
        List<String> names = List.of(
                "org.skipgpt.Doctor",
                "org.skipgpt.StudyProgram",
                "org.skipgpt.kernel.KernelInstall",
                "org.skipgpt.kernel.KernelSpec",
                "org.skipgpt.kernel.client.NotebookRunner",
                "org.skipgpt.kernel.shell.Shell");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream zip = new JarOutputStream(out)) {
            for (String name : names) {
                int dot = name.lastIndexOf('.');
                Path source = classes.resolve(name.substring(dot + 1) + ".java");
                Files.writeString(
                        source,
                        ECHO.replace("package org.skipgpt;", "package " + name.substring(0, dot) + ";")
                                .replace("class Doctor", "class " + name.substring(dot + 1)));
                assertThat(ToolProvider.getSystemJavaCompiler()
                                .run(null, null, null, "-d", classes.toString(), source.toString()))
                        .isZero();
                zip.putNextEntry(new JarEntry(name.replace('.', '/') + ".class"));
                zip.write(Files.readAllBytes(classes.resolve(name.replace('.', '/') + ".class")));
            }
        }
    }

    private Ended launcher(String... arguments) throws Exception {
        List<String> line = new ArrayList<>(List.of(
                JAVA,
                "-Drun.root=" + checkout + "/.",
                checkout.resolve("launcher/Run.java").toString()));
        line.addAll(List.of(arguments));
        return ended(line);
    }

    private Ended bash(String... arguments) throws Exception {
        List<String> line =
                new ArrayList<>(List.of("bash", checkout.resolve("run").toString()));
        line.addAll(List.of(arguments));
        return ended(line);
    }

    private Ended ended(List<String> line) throws Exception {
        Path printed = checkout.resolve("printed.txt");
        ProcessBuilder builder = new ProcessBuilder(line)
                .directory(checkout.toFile())
                .redirectErrorStream(true)
                .redirectOutput(printed.toFile());
        Map<String, String> environment = builder.environment();
        environment.put("PATH", checkout.resolve("bin") + ":" + environment.get("PATH"));
        environment.put("JAVA_HOME", System.getProperty("java.home"));
        environment.put("SKIPGPT_DEVICE", "cpu");
        environment.remove("GOMP_SPINCOUNT");
        environment.remove("OMP_WAIT_POLICY");
        environment.keySet().removeIf(name -> name.startsWith("MALLOC_") || name.equals("GLIBC_TUNABLES"));
        Process process = builder.start();
        process.getOutputStream().close();
        assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
        return new Ended(process.exitValue(), Files.readString(printed, UTF_8));
    }

    private long builds() throws IOException {
        return Files.exists(calls) ? Files.readAllLines(calls).size() : 0;
    }

    @Test
    void itBuildsOnceAndAgainWhereASourceIsNewer() throws Exception {
        assertThat(launcher("build"))
                .isEqualTo(new Ended(0, "building (cpu); the first time Maven downloads what it needs\n"));
        assertThat(launcher("build")).isEqualTo(new Ended(0, ""));
        assertThat(Files.readAllLines(calls)).containsExactly("-B -q -Dmaven.test.skip=true package");

        assertThat(bash("build")).as("./run trusts the same stamp").isEqualTo(new Ended(0, ""));
        assertThat(builds()).isEqualTo(1);

        Files.writeString(checkout.resolve("skipgpt/src/main/New.java"), "");
        Files.setLastModifiedTime(
                checkout.resolve("skipgpt/src/main/New.java"),
                FileTime.from(Instant.now().plusSeconds(5)));
        assertThat(launcher("build").code()).isZero();
        assertThat(builds()).isEqualTo(2);
    }

    @Test
    void programsAreStartedAsBashStartsThem() throws Exception {
        assertThat(launcher("build").code()).isZero();
        for (String[] command : new String[][] {
            {"doctor"},
            {"study", "help", "a b"},
            {"study", "fail"},
            {"install", "--name", "x y"},
            {"uninstall", "-h"},
            {"shell", "-s", "--feedback"}
        }) {
            Ended own = launcher(command);
            assertThat(own).as(String.join(" ", command)).isEqualTo(bash(command));
            assertThat(own.text()).contains("java.class.path=").contains("kernel-ext-1.jar");
            assertThat(own.code()).isEqualTo(command[command.length - 1].equals("fail") ? 7 : 0);
        }
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void notebooksAreFoundByTheirBeginnings() throws Exception {
        assertThat(launcher("build").code()).isZero();
        for (String[] command : new String[][] {{}, {"00"}, {"00-first.ipynb", "notebooks/01-second"}}) {
            Ended own = launcher(command);
            assertThat(own).isEqualTo(bash(command));
            assertThat(own.text()).contains("executed notebooks and pictures");
        }
        assertThat(launcher("01").text()).contains("several notebooks: 01-second.ipynb 01-third.ipynb");
        assertThat(launcher("07")).isEqualTo(bash("07"));
        assertThat(launcher("07").code()).isEqualTo(1);
    }

    @Test
    void whatNeedsBashIsRefusedAndEverythingElseIsInTheHelp() throws Exception {
        for (String[] command : new String[][] {{"wheel"}, {"study", "--spark"}, {"study", "spark=local"}}) {
            Ended refused = launcher(command);
            assertThat(refused.code()).isEqualTo(1);
            assertThat(refused.text()).contains("needs bash").contains("WSL");
        }
        assertThat(builds()).isZero();
        String help = launcher("help").text();
        List<String> own = help.lines().filter(line -> line.startsWith("./run")).toList();
        List<String> all = bash("help")
                .text()
                .lines()
                .filter(line -> line.startsWith("./run"))
                .toList();
        List<String> wheel =
                all.stream().filter(line -> line.startsWith("./run wheel")).toList();
        assertThat(wheel).hasSize(1);
        assertThat(own).isSubsetOf(all).hasSize(all.size() - 1).doesNotContainAnyElementsOf(wheel);
        assertThat(help).contains("JAVA_HOME");
    }

    @Test
    void aBuildThatFailsIsToldAndLeavesNoStamp() throws Exception {
        Files.writeString(checkout.resolve("bin/mvn"), "#!/bin/sh\nexit 3\n");

        Ended failed = launcher("doctor");

        assertThat(failed.code()).isEqualTo(1);
        assertThat(failed.text()).contains("the build failed");
        assertThat(checkout.resolve("kernel-ext/target/run.stamp")).doesNotExist();
    }

    @Test
    void windowsIsGivenTheSameProgramByAFileWithItsLineEnds() throws IOException {
        String file = Files.readString(ROOT.resolve("run.cmd"));

        assertThat(file).contains("\"%~dp0launcher\\Run.java\" %*").contains("exit /b %ERRORLEVEL%");
        assertThat(file.replace("\r\n", "")).doesNotContain("\n");
    }
}
