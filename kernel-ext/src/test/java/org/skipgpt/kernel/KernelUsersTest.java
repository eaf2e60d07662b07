package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.wire.Channel;

/** What users of IJava, JJava and rapaio's kernel are used to, and what they asked for. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelUsersTest {
    private LiveKernel kernel;
    private Path folder;

    @BeforeAll
    void start(@TempDir Path temporary) throws Exception {
        folder = temporary;
        // small, so that what is held too long ends the test
        kernel = LiveKernel.start(folder, Map.of("JDK_JAVA_OPTIONS", "-Xmx320m"));
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @Test
    void resultsWithoutANameDoNotPileUp() throws Exception {
        // The last five are kept, 50 MB; arrays of this size need free regions side by side, so room is left for gaps.
        for (int i = 0; i < 40; i++) {
            assertThat(kernel.run("new byte[10_000_000]").traceback())
                    .as("result %d", i)
                    .isEmpty();
        }
        for (int i = 0; i < 40; i++) {
            assertThat(kernel.run("byte[] again = new byte[10_000_000];").traceback())
                    .as("variable %d", i)
                    .isEmpty();
        }
        assertThat(kernel.run("again.length").result()).contains("10000000");
    }

    /** Each is imported into every later cell, so that small ones cost memory, too. */
    @Test
    void ofSmallResultsWithoutANameTheLastHundredAreKept() throws Exception {
        kernel.run("1 + 1");
        String first = lastResult();
        for (int i = 0; i < 100; i++) {
            kernel.run(i + " + 1");
        }

        assertThat(kernel.run(lastResult()).result()).contains("100");
        assertThat(kernel.run(first).traceback()).contains("only the last few results without a name are kept");
        assertThat(kernel.run("Runnable wrong = " + lastResult() + ";").traceback())
                .doesNotContain("the last few results");
    }

    /** The name that JShell gave to the last result without one, as completion tells it. */
    private String lastResult() throws Exception {
        JsonObject content = new JsonObject();
        content.addProperty("code", "$");
        content.addProperty("cursor_pos", 1);
        return kernel
                .client
                .ask(Channel.SHELL, "complete_request", content, LiveKernel.LIMIT)
                .content()
                .getAsJsonArray("matches")
                .asList()
                .stream()
                .map(JsonElement::getAsString)
                .filter(name -> name.matches("\\$\\d+"))
                .max(Comparator.comparingInt(name -> Integer.parseInt(name.substring(1))))
                .orElseThrow();
    }

    @Test
    void droppedVariablesLetTheirValuesGo(@TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of("JDK_JAVA_OPTIONS", "-Xmx200m"))) {
            for (int i = 0; i < 8; i++) {
                assertThat(other.run("byte[] large" + i + " = new byte[30_000_000];")
                                .traceback())
                        .isEmpty();
                assertThat(other.run("%drop large" + i).traceback()).isEmpty();
            }
            assertThat(other.run("%drop large3").traceback()).contains("nothing is called large3");
        }
    }

    @Test
    void whoListsVariablesAndResetForgetsAll(@TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of())) {
            other.run("int count = 1;\nList<String> names = List.of();\nvoid f() {}");
            assertThat(other.run("%who").stream("stdout")).isEqualTo("int count\nList<String> names\n");
            assertThat(other.run("%reset").stream("stdout")).startsWith("forgot 3 declarations");
            assertThat(other.run("count").status()).isEqualTo("error");
            assertThat(other.run("%who").stream("stdout")).startsWith("there are no variables");
            assertThat(other.run("List.of(1)").result()).contains("[1]"); // the imports stay
        }
    }

    @Test
    void aFolderWithASlashMeansItsJarsAndTheClassPathTellsThem() throws Exception {
        Path jars = Files.createDirectories(folder.resolve("jars"));
        jar(jars.resolve("hello.jar"), Map.of("hello.txt", "hi".getBytes(UTF_8)));

        assertThat(kernel.run("%classpath jars/").status()).isEqualTo("ok");

        String read =
                "new String(Thread.currentThread().getContextClassLoader().getResourceAsStream(\"hello.txt\").readAllBytes())";
        assertThat(kernel.run(read).result()).contains("hi");
        assertThat(kernel.run("%classpath").stream("stdout")).contains("jars/hello.jar");
        assertThat(kernel.run("System.getProperty(\"java.class.path\").contains(\"hello.jar\")")
                        .result())
                .contains("true");
    }

    @Test
    void anExtensionOfAnAddedJarPreparesTheSession() throws Exception {
        Path source = Files.createDirectories(folder.resolve("ext/mine")).resolve("Mine.java");
        Files.writeString(
                source,
                "package mine;\npublic class Mine implements org.skipgpt.kernel.KernelExtension {\n"
                        + "  public void install(org.skipgpt.kernel.JavaKernel kernel) {\n"
                        + "    kernel.getMagics().registerLineMagic(\"mine\", arguments -> \"mine \" + arguments);\n  }\n}\n");
        String classpath = System.getProperty("java.class.path");
        int failed = ToolProvider.getSystemJavaCompiler().run(null, null, null, "-cp", classpath, source.toString());
        assertThat(failed).isZero();
        jar(
                folder.resolve("mine.jar"),
                Map.of(
                        "mine/Mine.class",
                        Files.readAllBytes(source.resolveSibling("Mine.class")),
                        "META-INF/services/" + KernelExtension.class.getName(),
                        "mine.Mine\n".getBytes(UTF_8)));

        assertThat(kernel.run("%jars mine.jar").stream("stderr")).isEmpty();
        assertThat(kernel.run("%mine \"a b\" c\\ d \"say \\\"hi\\\"\"").result())
                .contains("mine [a b, c d, say \"hi\"]");
    }

    @Test
    void loadsAFileWithoutItsEnding() throws Exception {
        Files.writeString(folder.resolve("tools.jsh"), "int fromTools = 12;");

        kernel.run("%load tools");

        assertThat(kernel.run("fromTools").result()).contains("12");
    }

    @Test
    void showsNullAndJsonAsWhatTheyAre() throws Exception {
        assertThat(kernel.run("display(null);").ofType("display_data")).hasSize(1);
        CellRun run = kernel.run("display(\"{\\\"a\\\": [1, 2]}\", \"application/json\");");

        JsonObject data = run.ofType("display_data").get(0).content().getAsJsonObject("data");
        assertThat(data.get("application/json").getAsJsonObject().getAsJsonArray("a"))
                .hasSize(2);
    }

    @Test
    void showsAPictureAsAJpegAndAnAddressAsALink() throws Exception {
        CellRun picture = kernel.run("display(new java.awt.image.BufferedImage(8, 8, 2), \"image/jpeg\");");
        CellRun address = kernel.run("new URL(\"https://a.example/b\")");

        assertThat(picture.ofType("display_data").get(0).content().getAsJsonObject("data"))
                .asString()
                .contains("\"image/jpeg\":\"/9j/");
        assertThat(address.ofType("execute_result").get(0).content().getAsJsonObject("data"))
                .asString()
                .contains("<a href")
                .contains("\"text/plain\":\"https://a.example/b\"");
    }

    @Test
    void cellsBeginWithTheImportsOfIJavaAndJJava() throws Exception {
        for (String type : List.of(
                "BufferedReader",
                "BigDecimal",
                "URI",
                "Files",
                "Map",
                "TimeUnit",
                "Function",
                "Preferences",
                "Pattern",
                "Collectors")) {
            assertThat(kernel.run(type + ".class.getSimpleName()").result()).contains(type);
        }
    }

    @Test
    void onesOwnDeclarationsShowTheirWholeJavadoc() throws Exception {
        kernel.run("/**\n * Adds one.\n *\n * @param n a {@code number}\n */\nint more(int n) { return n + 1; }");
        JsonObject content = new JsonObject();
        content.addProperty("code", "more(1)");
        content.addProperty("cursor_pos", 2);

        JsonObject reply = kernel.client
                .ask(Channel.SHELL, "inspect_request", content, LiveKernel.LIMIT)
                .content();

        assertThat(reply.getAsJsonObject("data").get("text/plain").getAsString())
                .contains("int more(int n)", "Adds one.", "@param n a number")
                .doesNotContain("/**", "{");
    }

    @Test
    void aWrongLimitIsToldAndNothingElse(@TempDir Path otherFolder) throws Exception {
        try (LiveKernel other = LiveKernel.start(otherFolder, Map.of(OutputLimit.VARIABLE, "much"))) {
            CellRun run = other.run("6 * 7");

            assertThat(run.result()).contains("42");
            assertThat(run.stream("stderr")).contains(OutputLimit.VARIABLE + " is 'much'");
        }
    }

    /** The verb {@code chat} needs a library that the language model's own jar does not bring. */
    @Test
    void aChatTemplateCanBeRun() throws Exception {
        Files.writeString(
                folder.resolve("chat_template.jinja"),
                "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}");

        assertThat(kernel.run("org.skipgpt.tokens.ChatTemplate.in(Path.of(\"" + folder + "\")).orElseThrow()"
                                + ".render(List.of(org.skipgpt.tokens.ChatMessage.user(\"Hello\")), false)")
                        .result())
                .contains("<user>Hello");
    }

    @Test
    void nothingIsOfferedInsideComments() throws Exception {
        for (String code : List.of("int a = 1; // Math.", "/* Math.", "/** see\n * Math.")) {
            JsonObject content = new JsonObject();
            content.addProperty("code", code);
            content.addProperty("cursor_pos", code.length());
            assertThat(kernel.client
                            .ask(Channel.SHELL, "complete_request", content, LiveKernel.LIMIT)
                            .content()
                            .getAsJsonArray("matches"))
                    .as(code)
                    .isEmpty();
        }
    }

    @Test
    void artifactsThatAreWrongAreNamed() throws Exception {
        assertThat(kernel.run("%maven nonsense").traceback()).contains("'nonsense' names no artifact");
        assertThat(kernel.run("%mavenRepo").stream("stdout")).contains("central");
        assertThat(kernel.run("%mavenRepo a").traceback()).contains("%mavenRepo takes an id and an address");
    }

    private static void jar(Path file, Map<String, byte[]> entries) throws Exception {
        try (OutputStream out = Files.newOutputStream(file);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue());
            }
        }
    }
}
