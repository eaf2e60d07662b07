package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.kernel.client.CellRun;
import org.skipgpt.kernel.wire.Channel;

/** What a front end asks about code while it is typed. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelHelpTest {
    private LiveKernel kernel;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("helpers.jsh"), "int helper = 1;");
        Files.writeString(folder.resolve("helpers.txt"), "");
        kernel = LiveKernel.start(folder, Map.of());
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @Test
    void completesNamesWithTypes() throws Exception {
        kernel.run("int lambdaCount = 3;\nint lambdaHalf(int x) { return x / 2; }");

        JsonObject reply = complete("lambda", 6);
        assertThat(strings(reply)).contains("lambdaCount", "lambdaHalf(");
        assertThat(types(reply)).containsEntry("lambdaCount", "variable").containsEntry("lambdaHalf(", "function");

        JsonObject second = complete("int k = 1;\nMath.sqr", 19);
        assertThat(strings(second)).contains("sqrt(");
        assertThat(second.get("cursor_start").getAsInt()).isEqualTo(16);
    }

    @Test
    void completesAnImportAsItsFirstRequest(@TempDir Path folder) throws Exception {
        try (LiveKernel fresh = LiveKernel.start(folder, Map.of())) {
            String code = "import java.util.conc";

            JsonObject reply = complete(fresh, code, code.length());

            assertThat(strings(reply)).contains("concurrent.");
        }
    }

    @Test
    void countsTheCursorInCodePoints() throws Exception {
        String code = "String llama = \"🦙🦙\"; Math.sqr";

        JsonObject reply = complete(code, code.codePointCount(0, code.length()));

        assertThat(reply.get("cursor_start").getAsInt())
                .isEqualTo(code.codePointCount(0, code.length()) - "sqr".length());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            var early = "abc"; early.len              | length()     | function
            import java.util.*;@var p = new Date(); p.getTi | getTime() | function
            int a = 1;@%time a@Math.sqr               | sqrt(        | function
            %time Math.sqr                            | sqrt(        | function
            %%bench 3@Math.sqr                        | sqrt(        | function
            %ti                                       | %time        | magic
            %%                                        | %%bench      | magic
            %load help                                | helpers.jsh  | path
            tuneR                                     | tuneRouters( | function
            Math.                                     | E            | property
            import java.ut                            | util.        | module
            """)
    void completesBehindDeclarationsAndInMagics(String code, String match, String type) throws Exception {
        String cell = code.replace('@', '\n');

        JsonObject reply = complete(cell, cell.length());

        assertThat(types(reply)).containsEntry(match, type).doesNotContainKey("helpers.txt");
        assertThat(reply.get("cursor_end").getAsInt()).isEqualTo(cell.length());
        String typed = cell.substring(reply.get("cursor_start").getAsInt());
        assertThat(match).startsWith(typed);
    }

    @Test
    void completesFilesInsideAString() throws Exception {
        String code = "int a = 1;\n%time load(\"help";

        JsonObject reply = complete(code, code.length());

        assertThat(strings(reply)).containsExactlyInAnyOrder("helpers.jsh", "helpers.txt");
        assertThat(strings(complete("load(\"noSuchFile", 16))).isEmpty();
        assertThat(strings(complete("load(\"x\").toStr", 15))).contains("toString()");
    }

    @Test
    void explainsNames() throws Exception {
        JsonObject content = new JsonObject();
        content.addProperty("code", "Math.floorMod(7, 3)");
        content.addProperty("cursor_pos", 9);
        content.addProperty("detail_level", 0);
        JsonObject reply = ask("inspect_request", content);

        assertThat(reply.get("found").getAsBoolean()).isTrue();
        assertThat(reply.getAsJsonObject("data").get("text/plain").getAsString())
                .contains("int Math.floorMod(int");

        content.addProperty("code", "live");
        content.addProperty("cursor_pos", 4);
        assertThat(ask("inspect_request", content)
                        .getAsJsonObject("data")
                        .get("text/plain")
                        .getAsString())
                .contains("ProgressObserver Live.live()", "A new observer for one piece of work");

        content.addProperty("code", "nothingLikeThis");
        assertThat(ask("inspect_request", content).get("found").getAsBoolean()).isFalse();
    }

    @Test
    void explainsMagicsAndWhatTheCellDeclares() throws Exception {
        assertThat(inspect("%load x.jsh", 3))
                .contains("runs a .jsh or .java file")
                .doesNotContain("SkipGpt");
        assertThat(inspect("var early = \"a\";\n%mem\nearly.length", 32)).contains("int String.length()");
        assertThat(inspect("tuneRouters", 5)).contains("SkipGpt.tuneRouters(", "@param share");
    }

    @Test
    void tellsCompleteFromIncompleteFromInvalid() throws Exception {
        assertThat(isComplete("int a = 1;")).isEqualTo("complete");
        assertThat(isComplete("1 + 1")).isEqualTo("complete");
        assertThat(isComplete("for (int i = 0; i < 3; i++) {")).isEqualTo("incomplete");
        assertThat(isComplete("String t = \"\"\"\n a")).isEqualTo("incomplete");
        assertThat(isComplete("int = ;; )")).isEqualTo("invalid");
        assertThat(isComplete("%help")).isEqualTo("complete");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            if (true)             | incomplete
            for (;;)              | incomplete
            int a = 1;@a          | complete
            later(1)              | complete
            Later x = new Later() | complete
            1 a                   | invalid
            %time a               | complete
            int a = 1;@%time a    | complete
            %%time@for (;;) {     | incomplete
            Math.abs?             | complete
            """)
    void judgesByFormNotByNames(String code, String verdict) throws Exception {
        assertThat(isComplete(code.replace('@', '\n'))).isEqualTo(verdict);
    }

    @Test
    void explainsANameWithAQuestionMark() throws Exception {
        CellRun run = kernel.run("Math.floorMod?");

        JsonObject page = run.reply().getAsJsonArray("payload").get(0).getAsJsonObject();
        assertThat(page.getAsJsonObject("data").get("text/plain").getAsString()).contains("int Math.floorMod(int");
    }

    private String inspect(String code, int cursor) throws Exception {
        JsonObject content = code(code);
        content.addProperty("cursor_pos", cursor);
        content.addProperty("detail_level", 0);
        return ask("inspect_request", content)
                .getAsJsonObject("data")
                .get("text/plain")
                .getAsString();
    }

    private JsonObject ask(String type, JsonObject content) throws Exception {
        return kernel.client.ask(Channel.SHELL, type, content, LiveKernel.LIMIT).content();
    }

    private JsonObject complete(String code, int cursor) throws Exception {
        return complete(kernel, code, cursor);
    }

    private static JsonObject complete(LiveKernel kernel, String code, int cursor) throws Exception {
        JsonObject content = code(code);
        content.addProperty("cursor_pos", cursor);
        return kernel.client
                .ask(Channel.SHELL, "complete_request", content, LiveKernel.LIMIT)
                .content();
    }

    private String isComplete(String code) throws Exception {
        return ask("is_complete_request", code(code)).get("status").getAsString();
    }

    private static Set<String> strings(JsonObject reply) {
        return reply.getAsJsonArray("matches").asList().stream()
                .map(match -> match.getAsString())
                .collect(Collectors.toSet());
    }

    private static Map<String, String> types(JsonObject reply) {
        return reply.getAsJsonObject("metadata").getAsJsonArray("_jupyter_types_experimental").asList().stream()
                .map(type -> type.getAsJsonObject())
                .collect(Collectors.toMap(
                        type -> type.get("text").getAsString(),
                        type -> type.get("type").getAsString(),
                        (first, second) -> first));
    }

    private static JsonObject code(String code) {
        JsonObject content = new JsonObject();
        content.addProperty("code", code);
        return content;
    }
}
