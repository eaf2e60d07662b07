package org.skipgpt.kernel;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.skipgpt.kernel.cell.CellEngine;
import org.skipgpt.kernel.cell.CellFailure;
import org.skipgpt.kernel.cell.CellValue;
import org.skipgpt.kernel.cell.CodeOrigin;
import org.skipgpt.kernel.cell.Completeness;
import org.skipgpt.kernel.cell.Completions;
import org.skipgpt.kernel.cell.Inspection;
import org.skipgpt.kernel.magic.MagicAssist;
import org.skipgpt.kernel.wire.WireMessage;

/** Answers the requests of the shell channel, one after the other; each method returns the content of a reply. */
final class Requests {
    private static final Pattern QUESTION = Pattern.compile("\\s*([\\w.$]+)\\?\\s*"); // "Math.abs?"

    private final JavaKernel kernel;
    private final Publisher publisher;
    private final Prompt prompt;
    private final History history;
    private int executionCount;

    Requests(JavaKernel kernel, Publisher publisher, Prompt prompt, History history) {
        this.kernel = kernel;
        this.publisher = publisher;
        this.prompt = prompt;
        this.history = history;
    }

    /** Runs a cell. */
    JsonObject execute(WireMessage request) {
        String code = request.text("code", "");
        boolean isSilent = request.flag("silent", false);
        boolean isStored = request.flag("store_history", true) && !isSilent;
        if (isStored || executionCount == 0) {
            executionCount++;
        }
        prompt.forget();
        if (!isSilent) {
            publisher.executeInput(code, executionCount);
        }
        String shown = "";
        JsonArray payload = new JsonArray();
        try {
            kernel.awaitCell();
            Matcher question = QUESTION.matcher(code);
            if (question.matches()) {
                payload.add(page(question.group(1)));
                code = "";
            }
            CellValue value = kernel.runCell(code, CodeOrigin.cell(executionCount));
            if (value.isShown() && !isSilent) {
                JsonObject data = Publisher.bundle(kernel.show(value.value()));
                shown = plain(data);
                publisher.result(executionCount, data);
            }
            JsonObject reply = ok();
            reply.addProperty("execution_count", executionCount);
            reply.add("user_expressions", expressions(request));
            reply.add("payload", payload);
            return reply;
        } catch (Exception | Error e) {
            CellFailure failure = JavaKernel.failure(e);
            JsonObject error = Publisher.errorContent(failure.name(), failure.value(), failure.traceback());
            if (!isSilent) {
                publisher.error(error);
            }
            JsonObject reply = error.deepCopy();
            reply.addProperty("status", "error");
            reply.addProperty("execution_count", executionCount);
            return reply;
        } finally {
            if (isStored) {
                history.add(executionCount, request.text("code", ""), shown);
            }
        }
    }

    /** What a front end shows beside the notebook. */
    private JsonObject page(String name) {
        String text = kernel.engine()
                .withCompiler(() -> Inspection.of(kernel.engine(), name, name.length()))
                .map(Inspection::text)
                .orElse("nothing is known about " + name);
        JsonObject data = new JsonObject();
        data.addProperty("text/plain", text);
        JsonObject page = new JsonObject();
        page.addProperty("source", "page");
        page.add("data", data);
        page.addProperty("start", 0);
        return page;
    }

    private JsonObject expressions(WireMessage request) {
        JsonObject results = new JsonObject();
        JsonElement asked = request.content().get("user_expressions");
        if (asked == null || !asked.isJsonObject()) {
            return results;
        }
        for (Map.Entry<String, JsonElement> entry : asked.getAsJsonObject().entrySet()) {
            JsonObject result;
            try {
                CellValue value = kernel.run(entry.getValue().getAsString(), CodeOrigin.named(entry.getKey()));
                result = Publisher.bundle(kernel.show(value.value()));
                result.addProperty("status", "ok");
            } catch (Exception e) {
                CellFailure failure = JavaKernel.failure(e);
                result = Publisher.errorContent(failure.name(), failure.value(), failure.traceback());
                result.addProperty("status", "error");
            }
            results.add(entry.getKey(), result);
        }
        return results;
    }

    /** The answer to a cell that will not run because an earlier one failed. */
    JsonObject aborted() {
        JsonObject reply = new JsonObject();
        reply.addProperty("status", "aborted");
        return reply;
    }

    /** Completes the code at a cursor. */
    JsonObject complete(WireMessage request) {
        String code = request.text("code", "");
        int cursor = cursor(request, code);
        CellEngine engine = kernel.readyEngine();
        Completions found = MagicAssist.complete(code, cursor, kernel.magicHelp())
                .orElseGet(() -> {
                    String java = MagicAssist.javaOnly(code, cursor);
                    return MagicAssist.completeInString(java, cursor)
                            .orElseGet(() -> engine.withCompiler(() -> Completions.of(engine, java, cursor)));
                });
        int start = code.codePointCount(0, found.start());
        int end = code.codePointCount(0, found.end());
        JsonArray matches = new JsonArray();
        JsonArray types = new JsonArray();
        for (Completions.Match match : found.matches()) {
            matches.add(match.text());
            JsonObject type = new JsonObject();
            type.addProperty("start", start);
            type.addProperty("end", end);
            type.addProperty("text", match.text());
            type.addProperty("type", match.type());
            type.addProperty("signature", match.signature());
            types.add(type);
        }
        JsonObject metadata = new JsonObject();
        metadata.add("_jupyter_types_experimental", types);
        JsonObject reply = ok();
        reply.add("matches", matches);
        reply.addProperty("cursor_start", start);
        reply.addProperty("cursor_end", end);
        reply.add("metadata", metadata);
        return reply;
    }

    /** Explains the name at a cursor. */
    JsonObject inspect(WireMessage request) {
        String code = request.text("code", "");
        int cursor = cursor(request, code);
        CellEngine engine = kernel.readyEngine();
        Optional<Inspection> found = MagicAssist.inspect(code, cursor, kernel.magicHelp())
                .or(() -> engine.withCompiler(() -> Inspection.of(engine, MagicAssist.javaOnly(code, cursor), cursor)));
        JsonObject data = new JsonObject();
        found.ifPresent(inspection -> data.addProperty("text/plain", inspection.text()));
        JsonObject reply = ok();
        reply.addProperty("found", found.isPresent());
        reply.add("data", data);
        reply.add("metadata", new JsonObject());
        return reply;
    }

    /** Judges whether code could run. */
    JsonObject isComplete(WireMessage request) {
        String code = request.text("code", "");
        boolean isQuestion = QUESTION.matcher(code).matches();
        String java = isQuestion ? "" : MagicAssist.javaOnly(code, code.length());
        CellEngine engine = kernel.readyEngine();
        Completeness verdict = engine.withCompiler(() -> Completeness.of(engine.analysis(), java));
        JsonObject reply = new JsonObject();
        reply.addProperty("status", verdict.word());
        if (verdict == Completeness.INCOMPLETE) {
            reply.addProperty("indent", indent(code));
        }
        return reply;
    }

    /** Says what this kernel is. */
    JsonObject kernelInfo() {
        JsonObject language = new JsonObject();
        language.addProperty("name", kernel.getLanguageInfo().getName());
        language.addProperty("version", kernel.getLanguageInfo().getVersion());
        language.addProperty("mimetype", kernel.getLanguageInfo().getMimetype());
        language.addProperty("file_extension", kernel.getLanguageInfo().getFileExtension());
        language.addProperty("pygments_lexer", kernel.getLanguageInfo().getPygmentsLexer());
        language.addProperty("codemirror_mode", "java");
        JsonObject link = new JsonObject();
        link.addProperty("text", "Java API");
        link.addProperty(
                "url",
                "https://docs.oracle.com/en/java/javase/" + Runtime.version().feature() + "/docs/api/index.html");
        JsonArray links = new JsonArray();
        links.add(link);
        JsonObject reply = ok();
        reply.addProperty("protocol_version", WireMessage.PROTOCOL);
        reply.addProperty("implementation", "skipgpt-java");
        reply.addProperty("implementation_version", KernelVersion.text());
        reply.add("language_info", language);
        reply.addProperty("banner", kernel.getBanner());
        reply.add("help_links", links);
        reply.addProperty("debugger", false);
        reply.add("supported_features", new JsonArray());
        return reply;
    }

    /** There are no comms here. */
    JsonObject commInfo() {
        JsonObject reply = ok();
        reply.add("comms", new JsonObject());
        return reply;
    }

    /** Looks up earlier cells. */
    JsonObject history(WireMessage request) {
        return history.answer(request);
    }

    /** The name of the reply to a request. */
    static String replyType(String requestType) {
        return requestType.replaceFirst("_request$", "_reply");
    }

    /** The answer to a request that this kernel does not know; empty for a message that wants none. */
    static Optional<JsonObject> refusal(String type) {
        if (!type.endsWith("_request")) {
            return Optional.empty();
        }
        String message = type.contains("subshell")
                ? "this kernel has no subshells: kernel_info names no such feature"
                : "this kernel does not know " + type + "; it speaks protocol " + WireMessage.PROTOCOL;
        JsonObject reply = Publisher.errorContent("NotSupported", message, List.of());
        reply.addProperty("status", "error");
        return Optional.of(reply);
    }

    /** A reply that is just fine. */
    static JsonObject ok() {
        JsonObject reply = new JsonObject();
        reply.addProperty("status", "ok");
        return reply;
    }

    // Jupyter counts code points, Java counts UTF-16 units.
    private static int cursor(WireMessage request, String code) {
        int points = Math.max(0, Math.min(request.number("cursor_pos", 0), code.codePointCount(0, code.length())));
        return code.offsetByCodePoints(0, points);
    }

    private static String indent(String code) {
        String last = code.substring(code.lastIndexOf('\n') + 1);
        String before = last.substring(0, last.length() - last.stripLeading().length());
        return last.stripTrailing().endsWith("{") ? before + "    " : before;
    }

    private static String plain(JsonObject bundle) {
        JsonElement text = bundle.getAsJsonObject("data").get("text/plain");
        return text == null || !text.isJsonPrimitive() ? "" : text.getAsString();
    }
}
