package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.spencerpark.jupyter.kernel.display.DisplayData;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.skipgpt.kernel.cell.DaemonTimer;
import org.skipgpt.kernel.wire.Channel;
import org.skipgpt.kernel.wire.KernelSockets;
import org.skipgpt.kernel.wire.WireMessage;

/**
 * Publishes outputs in the order they were made.
 *
 * <p>Printed text is gathered and leaves every {@value #FLUSH_MILLIS} ms, at {@value #FLUSH_CHARS} characters, and before
 * any other output: servers drop the outputs of a kernel that sends a message for each line. The more a cell has printed the more is
 * gathered, up to {@value #MOST_CHARS} characters and {@value #MOST_MILLIS} ms, since JupyterLab takes longer the more messages bring one text.
 */
final class Publisher {
    private static final int FLUSH_MILLIS = 200;
    private static final int FLUSH_CHARS = 1 << 17;
    private static final int MOST_MILLIS = 2000;
    private static final int MOST_CHARS = 1 << 19;
    private static final long NANOS_A_CHAR = 230; // 4 MB/s
    private static final Gson GSON = new Gson();

    private final KernelSockets sockets;
    private final String session;
    private final StringBuilder text = new StringBuilder();
    private final ScheduledExecutorService timer;
    private final OutputLimit limit;
    private String textStream = "";
    private boolean flushPlanned;
    private long sent; // characters of the present cell
    private WireMessage parent;
    private boolean hasParent;

    /** Outputs of start-up code, which wait for the first cell: a front end drops what belongs to no request. */
    private final List<Output> early = new ArrayList<>();

    private record Output(String type, JsonObject content) {}

    Publisher(KernelSockets sockets, String session) {
        this.sockets = sockets;
        this.session = session;
        this.parent = new WireMessage(
                List.of(), new JsonObject(), new JsonObject(), new JsonObject(), new JsonObject(), List.of());
        this.timer = DaemonTimer.start("kernel-flush");
        OutputLimit asked;
        try {
            asked = OutputLimit.of(System.getenv());
        } catch (IllegalArgumentException e) { // told above the first output, as other wrong settings are
            asked = OutputLimit.of(Map.of());
            early.add(new Output("stream", stream("stderr", e.getMessage() + "\n")));
        }
        this.limit = asked;
    }

    /** The request whose outputs follow; also the parent of what its threads print later. */
    synchronized void begin(WireMessage request) {
        flush();
        parent = request;
        limit.begin();
        sent = 0;
        if (!hasParent) {
            hasParent = true;
            early.forEach(output -> output(output.type(), output.content()));
            early.clear();
        }
    }

    /** The request that outputs belong to now. */
    synchronized WireMessage parent() {
        return parent;
    }

    synchronized void status(WireMessage request, String state) {
        flush();
        JsonObject content = new JsonObject();
        content.addProperty("execution_state", state);
        publish(request, "status", content);
    }

    synchronized void executeInput(String code, int count) {
        JsonObject content = new JsonObject();
        content.addProperty("code", code);
        content.addProperty("execution_count", count);
        output("execute_input", content);
    }

    /** Adds printed text; {@code stream} is stdout or stderr. */
    void print(String stream, String printed) {
        long left = gather(stream, printed);
        if (left > 0) {
            LockSupport.parkNanos(left * NANOS_A_CHAR); // an endless loop of prints must not fill the memory
        }
    }

    // How many characters had to leave at once.
    private synchronized long gather(String stream, String printed) {
        String allowed = limit.allowed(printed);
        if (allowed.isEmpty()) {
            return 0;
        }
        if (!stream.equals(textStream)) {
            flush();
            textStream = stream;
        }
        text.append(allowed);
        int length = text.length();
        if (length >= Math.min(MOST_CHARS, Math.max(FLUSH_CHARS, sent / 2))) {
            flush();
            return length;
        }
        if (!flushPlanned) {
            flushPlanned = true;
            long millis = Math.min(MOST_MILLIS, FLUSH_MILLIS * (1 + sent / FLUSH_CHARS));
            Future<?> unused = timer.schedule(this::flushOnTime, millis, TimeUnit.MILLISECONDS);
        }
        return 0;
    }

    /** The cell has printed all it will; says what was cut, where something was. */
    synchronized void end() {
        String cut = limit.end();
        if (!cut.isEmpty()) {
            flush();
            textStream = "stderr";
            text.append(cut);
        }
        flush();
    }

    /** Sends the text gathered so far. */
    synchronized void flush() {
        if (text.isEmpty()) {
            return;
        }
        JsonObject content = stream(textStream, text.toString());
        sent += text.length();
        text.setLength(0);
        output("stream", content);
    }

    private static JsonObject stream(String name, String text) {
        JsonObject content = new JsonObject();
        content.addProperty("name", name);
        content.addProperty("text", text);
        return content;
    }

    synchronized void display(DisplayData data) {
        flush();
        output("display_data", bundle(data));
    }

    synchronized void update(DisplayData data) {
        flush();
        output("update_display_data", bundle(data));
    }

    synchronized void result(int count, JsonObject bundle) {
        flush();
        JsonObject content = bundle.deepCopy();
        content.addProperty("execution_count", count);
        output("execute_result", content);
    }

    synchronized void error(JsonObject error) {
        flush();
        output("error", error);
    }

    /** Clears the cell's outputs; {@code wait} delays it until the next output, which avoids flicker. */
    synchronized void clear(boolean wait) {
        flush();
        limit.begin();
        JsonObject content = new JsonObject();
        content.addProperty("wait", wait);
        output("clear_output", content);
    }

    private synchronized void output(String type, JsonObject content) {
        if (hasParent) {
            publish(parent, type, content);
        } else {
            early.add(new Output(type, content));
        }
    }

    /** Publishes a message of another type, e.g. of a comm. */
    synchronized void publish(WireMessage request, String type, JsonObject content) {
        WireMessage message = request.answer(session, type, content);
        sockets.send(Channel.IOPUB, message.to(List.of(type.getBytes(UTF_8))));
    }

    /** The data, metadata and transient parts of a display message. */
    static JsonObject bundle(DisplayData data) {
        JsonObject json = GSON.toJsonTree(data, DisplayData.class).getAsJsonObject();
        for (String part : List.of("data", "metadata", "transient")) {
            if (!json.has(part) || !json.get(part).isJsonObject()) {
                json.add(part, new JsonObject());
            }
        }
        json.getAsJsonObject("data").entrySet().forEach(Publisher::unquote);
        return json;
    }

    /** Front ends expect JSON itself where the type says JSON, not a text that holds it. */
    private static void unquote(Map.Entry<String, JsonElement> form) {
        boolean isJson =
                form.getKey().equals("application/json") || form.getKey().endsWith("+json");
        if (isJson && form.getValue().isJsonPrimitive()) {
            try {
                form.setValue(JsonParser.parseString(form.getValue().getAsString()));
            } catch (JsonParseException e) {
                throw new IllegalArgumentException(
                        "what is shown as " + form.getKey() + " is no JSON: " + e.getMessage(), e);
            }
        }
    }

    /** The content of an error message. */
    static JsonObject errorContent(String name, String value, List<String> traceback) {
        JsonObject content = new JsonObject();
        content.addProperty("ename", name);
        content.addProperty("evalue", value);
        JsonArray lines = new JsonArray();
        traceback.forEach(lines::add);
        content.add("traceback", lines);
        return content;
    }

    private synchronized void flushOnTime() {
        flushPlanned = false;
        flush();
    }
}
