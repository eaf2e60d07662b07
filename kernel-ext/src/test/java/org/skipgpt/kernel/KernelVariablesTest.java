package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.WireMessage;

/** What JupyterLab's panel of variables asks, in its order and words. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KernelVariablesTest {
    private LiveKernel kernel;

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        kernel = LiveKernel.start(folder, Map.of());
    }

    @AfterAll
    void stop() {
        kernel.close();
    }

    @Test
    void whatThePanelAsksAsItOpensIsAnswered() throws Exception {
        assertThat(ask("initialize").get("success").getAsBoolean()).isTrue();
        assertThat(ask("attach").get("success").getAsBoolean()).isTrue();
        JsonObject info = ask("debugInfo").getAsJsonObject("body");

        assertThat(info.get("isStarted").getAsBoolean()).isTrue();
        assertThat(info.get("breakpoints").getAsJsonArray()).isEmpty();
        assertThat(info.get("stoppedThreads").getAsJsonArray()).isEmpty();
        assertThat(info.keySet()).contains("hashMethod", "hashSeed", "tmpFilePrefix", "tmpFileSuffix");
        ask("disconnect");
        assertThat(ask("debugInfo").getAsJsonObject("body").get("isStarted").getAsBoolean())
                .isFalse();
    }

    @Test
    void breakpointsAndStepsAreRefusedByName() throws Exception {
        JsonObject breakpoints = ask("setBreakpoints");
        JsonObject step = ask("stepIn");

        assertThat(breakpoints.get("success").getAsBoolean()).isFalse();
        assertThat(breakpoints.get("message").getAsString()).contains("no breakpoints");
        assertThat(breakpoints.getAsJsonObject("body").getAsJsonArray("breakpoints"))
                .isEmpty();
        assertThat(step.get("message").getAsString()).contains("stepIn");
    }

    @Test
    void variablesAreToldWithTypeAndValue() throws Exception {
        kernel.run("%reset");
        kernel.run("int count = 3;\nString word = \"a\\nb\";\nList<Integer> list = List.of(1, 2);\ndouble unset;\n"
                + "record Item(String name, int[] parts) { public String toString() { throw new Error(); } }\n"
                + "Item item = new Item(\"x\", new int[] {7, 8});\nItem none = null;\n1 + 1");

        Map<String, JsonObject> all = variables();

        assertThat(all.keySet()).containsExactly("count", "word", "list", "unset", "item", "none");
        assertThat(line(of(all, "count"))).isEqualTo("int 3");
        assertThat(line(of(all, "word"))).isEqualTo("\"a ...\"");
        assertThat(line(of(all, "list"))).isEqualTo("List<Integer> 2 elements");
        assertThat(line(of(all, "unset"))).isEqualTo("0.0");
        assertThat(line(of(all, "item"))).isEqualTo("Item Item"); // its own toString is not asked
        assertThat(line(of(all, "none"))).isEqualTo("null");
        assertThat(of(all, "count").get("variablesReference").getAsInt()).isZero();
        assertThat(ask("richInspectVariables", Map.of("variableName", "item"))
                        .get("message")
                        .getAsString())
                .contains("Error"); // here it is
        assertThat(variables()).hasSize(6);
    }

    @Test
    void partsAreToldWhereTheyAreAskedFor() throws Exception {
        kernel.run("%reset");
        kernel.run(
                "record Item(String name, int[] parts) {}\nItem item = new Item(\"x\", new int[] {7, 8});\n"
                        + "var map = new TreeMap<>(Map.of(\"k\", item));\nvar big = new ArrayList<>(Collections.nCopies(2000, 5));");
        Map<String, JsonObject> all = variables();

        Map<String, JsonObject> item = parts(of(all, "item"));
        assertThat(item.keySet()).containsExactly("name", "parts");
        assertThat(line(of(item, "parts"))).isEqualTo("int[] int[2]");
        assertThat(line(of(parts(of(item, "parts")), "[1]"))).isEqualTo("8");
        assertThat(parts(of(all, "map")).keySet()).containsExactly("\"k\"");
        assertThat(parts(of(all, "big"))).hasSize(500).containsKey("[499]");
        assertThat(parts(of(all, "big"), 1998, 10).keySet()).containsExactly("[1998]", "[1999]");
        assertThat(ask("variables", Map.of("variablesReference", 123_456_789))
                        .get("message")
                        .getAsString())
                .contains("nothing has the number 123456789");
    }

    @Test
    void whatCannotBeUsedSaysWhy() throws Exception {
        kernel.run("%reset");
        kernel.run("record Pair(int a) {}\nPair pair = new Pair(1);");
        kernel.run("record Pair(int a, int b) {}");

        assertThat(of(variables(), "pair").get("value").getAsString()).contains("lost its value");
    }

    @Test
    void variablesAreToldWhileACellRuns() throws Exception {
        kernel.run("%reset");
        kernel.run("int before = 5;");
        WireMessage endless = kernel.client.executeLater("System.out.println(1); while (true) { before++; }", true);
        kernel.awaitOutput(endless);

        assertThat(of(variables(), "before").get("value").getAsString()).matches("-?\\d+");
        kernel.client.interrupt(LiveKernel.LIMIT);
        kernel.await(endless);
    }

    @Test
    void aVariableIsShownAsItsCellWould() throws Exception {
        kernel.run("%reset");
        kernel.run("var address = java.net.URI.create(\"https://example.org/a\");");

        JsonObject data = ask("richInspectVariables", Map.of("variableName", "address"))
                .getAsJsonObject("body")
                .getAsJsonObject("data");

        assertThat(data.get("text/html").getAsString()).contains("<a href");
        assertThat(ask("richInspectVariables", Map.of("variableName", "nowhere"))
                        .get("message")
                        .getAsString())
                .contains("there is no variable nowhere");
    }

    private Map<String, JsonObject> variables() throws TimeoutException {
        return named(ask("inspectVariables"));
    }

    private Map<String, JsonObject> parts(JsonObject variable) throws TimeoutException {
        return parts(variable, 0, 0);
    }

    private Map<String, JsonObject> parts(JsonObject variable, int start, int count) throws TimeoutException {
        int number = variable.get("variablesReference").getAsInt();
        assertThat(number).isPositive();
        return named(ask("variables", Map.of("variablesReference", number, "start", start, "count", count)));
    }

    private static Map<String, JsonObject> named(JsonObject reply) {
        assertThat(reply.get("success").getAsBoolean()).as(reply.toString()).isTrue();
        JsonArray variables = reply.getAsJsonObject("body").getAsJsonArray("variables");
        List<JsonElement> all = new ArrayList<>();
        variables.forEach(all::add);
        Map<String, JsonObject> named = new LinkedHashMap<>();
        all.forEach(one -> named.put(one.getAsJsonObject().get("name").getAsString(), one.getAsJsonObject()));
        return named;
    }

    private static JsonObject of(Map<String, JsonObject> all, String name) {
        return Objects.requireNonNull(all.get(name), () -> name + " is none of " + all.keySet());
    }

    private static String line(JsonObject variable) {
        String value = variable.get("value").getAsString();
        return variable.has("type") ? variable.get("type").getAsString() + " " + value : value;
    }

    private JsonObject ask(String command) throws TimeoutException {
        return ask(command, Map.of());
    }

    private JsonObject ask(String command, Map<String, Object> arguments) throws TimeoutException {
        JsonObject given = new JsonObject();
        arguments.forEach((name, value) -> {
            if (value instanceof Number number) {
                given.addProperty(name, number);
            } else {
                given.addProperty(name, String.valueOf(value));
            }
        });
        JsonObject content = new JsonObject();
        content.addProperty("command", command);
        content.addProperty("type", "request");
        content.addProperty("seq", 3);
        content.add("arguments", given);
        JsonObject reply = kernel.client
                .ask(Channel.CONTROL, "debug_request", content, LiveKernel.LIMIT)
                .content();
        assertThat(reply.get("request_seq").getAsInt()).isEqualTo(3);
        return reply;
    }
}
