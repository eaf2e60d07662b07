package org.skipgpt.kernel;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.File;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.skipgpt.kernel.cell.SessionVariable;
import org.skipgpt.kernel.cell.ThrownMessage;
import org.skipgpt.kernel.variables.VariableTree;
import org.skipgpt.kernel.wire.WireMessage;

/**
 * Answers {@code debug_request} in the words of the Debug Adapter Protocol: JupyterLab's panel of variables asks by it. The
 * variables are told, while a cell runs as well; what a debugger needs beyond that (breakpoints, steps) is refused by name.
 *
 * <p>All methods belong to one thread.
 */
final class DebugRequests {
    private static final String REFUSAL =
            "this kernel shows variables and has no debugger: there are no breakpoints and no steps";

    private final JavaKernel kernel;
    private final VariableTree tree = new VariableTree();
    private boolean isStarted;
    private int sequence;

    DebugRequests(JavaKernel kernel) {
        this.kernel = kernel;
    }

    /** The content of the reply. */
    JsonObject answer(WireMessage request) {
        String command = request.text("command", "");
        JsonObject body = new JsonObject();
        Optional<String> refusal;
        try {
            refusal = answer(command, arguments(request), body);
        } catch (IllegalArgumentException | IllegalStateException e) {
            refusal = Optional.of(ThrownMessage.of(e));
        } catch (RuntimeException | Error e) { // of whatever kind: a renderer or toString of a cell may be behind it
            refusal = Optional.of(e.getClass().getName() + ": " + ThrownMessage.of(e));
        }
        JsonObject reply = new JsonObject();
        reply.addProperty("seq", ++sequence);
        reply.addProperty("type", "response");
        reply.addProperty("request_seq", request.number("seq", 0));
        reply.addProperty("command", command);
        reply.addProperty("success", refusal.isEmpty());
        refusal.ifPresent(message -> reply.addProperty("message", message));
        reply.add("body", body);
        return reply;
    }

    private Optional<String> answer(String command, JsonObject arguments, JsonObject body) {
        switch (command) {
            case "initialize" -> {
                isStarted = true;
                body.addProperty("supportsConfigurationDoneRequest", false);
            }
            case "attach", "configurationDone" -> {}
            case "disconnect" -> isStarted = false;
            case "debugInfo" -> info(body);
            case "inspectVariables" ->
                body.add("variables", tree.roots(kernel.readyEngine().variables()));
            case "variables" ->
                body.add(
                        "variables",
                        tree.parts(
                                number(arguments, "variablesReference"),
                                number(arguments, "start"),
                                number(arguments, "count")));
            case "richInspectVariables" -> rich(text(arguments, "variableName"), body);
            case "setBreakpoints" -> {
                body.add("breakpoints", new JsonArray()); // JupyterLab marks no line then
                return Optional.of(REFUSAL);
            }
            default -> {
                return Optional.of(REFUSAL + "; it does not know '" + command + "'");
            }
        }
        return Optional.empty();
    }

    // The hash and the names of files belong to breakpoints; a front end reads them all the same.
    private void info(JsonObject body) {
        body.addProperty("isStarted", isStarted);
        body.addProperty("hashMethod", "Murmur2");
        body.addProperty("hashSeed", 0);
        body.addProperty("tmpFilePrefix", System.getProperty("java.io.tmpdir") + File.separator);
        body.addProperty("tmpFileSuffix", ".java");
        body.add("breakpoints", new JsonArray());
        body.add("stoppedThreads", new JsonArray());
        body.addProperty("richRendering", true);
        body.add("exceptionPaths", new JsonArray());
        body.addProperty("copyToGlobals", false);
    }

    /** A variable as a cell would show it, which a reader asks for by a click. */
    private void rich(String name, JsonObject body) {
        SessionVariable variable = kernel.readyEngine().variables().stream()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no variable " + name));
        JsonObject bundle = Publisher.bundle(kernel.show(variable.value()));
        body.add("data", bundle.get("data"));
        body.add("metadata", bundle.get("metadata"));
    }

    private static JsonObject arguments(WireMessage request) {
        JsonElement arguments = request.content().get("arguments");
        return arguments != null && arguments.isJsonObject() ? arguments.getAsJsonObject() : new JsonObject();
    }

    private static int number(JsonObject arguments, String name) {
        JsonElement value = primitive(arguments, name);
        return value == null || !value.getAsString().matches("\\d{1,9}") ? 0 : value.getAsInt();
    }

    private static String text(JsonObject arguments, String name) {
        JsonElement value = primitive(arguments, name);
        return value == null ? "" : value.getAsString();
    }

    private static @Nullable JsonElement primitive(JsonObject arguments, String name) {
        JsonElement value = arguments.get(name);
        return value == null || !value.isJsonPrimitive() ? null : value;
    }
}
