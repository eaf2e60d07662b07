package org.skipgpt.kernel;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.skipgpt.kernel.wire.WireMessage;

/** The cells run in this session; kept in memory, nothing is written to disk. */
final class History {
    private static final int SESSION = 1;
    private static final int MAX_OUTPUT = 10_000; // characters of a cell's; the front end has them all

    private record Entry(int line, String source, String output) {}

    private final List<Entry> entries = new ArrayList<>();

    synchronized void add(int line, String source, String output) {
        boolean isLong = output.length() > MAX_OUTPUT;
        entries.add(new Entry(line, source, isLong ? output.substring(0, MAX_OUTPUT) + "..." : output));
    }

    /** The sources so far, oldest first. */
    synchronized List<String> sources() {
        return entries.stream().map(Entry::source).toList();
    }

    /** Answers a history request: tail, range or search. */
    synchronized JsonObject answer(WireMessage request) {
        List<Entry> found = switch (request.text("hist_access_type", "tail")) {
            case "range" -> range(request);
            case "search" -> search(request);
            default -> last(entries, request.number("n", entries.size()));
        };
        boolean output = request.flag("output", false);
        JsonArray history = new JsonArray();
        for (Entry entry : found) {
            JsonArray row = new JsonArray();
            row.add(SESSION);
            row.add(entry.line());
            row.add(output ? withOutput(entry) : new JsonPrimitive(entry.source()));
            history.add(row);
        }
        JsonObject content = new JsonObject();
        content.addProperty("status", "ok");
        content.add("history", history);
        return content;
    }

    // Session 0 is the current one; negative sessions count back, and there are none.
    private List<Entry> range(WireMessage request) {
        int session = request.number("session", 0);
        if (session != 0 && session != SESSION) {
            return List.of();
        }
        int start = request.number("start", 0);
        int stop = request.number("stop", Integer.MAX_VALUE);
        return entries.stream()
                .filter(entry -> entry.line() >= start && entry.line() < stop)
                .toList();
    }

    private List<Entry> search(WireMessage request) {
        Pattern pattern = glob(request.text("pattern", "*"));
        List<Entry> found = new ArrayList<>(entries.stream()
                .filter(entry -> pattern.matcher(entry.source()).matches())
                .toList());
        if (request.flag("unique", false)) {
            Map<String, Entry> latest = new LinkedHashMap<>();
            Collections.reverse(found);
            found.forEach(entry -> latest.putIfAbsent(entry.source(), entry));
            found = new ArrayList<>(latest.values());
            Collections.reverse(found);
        }
        return last(found, request.number("n", found.size()));
    }

    private static List<Entry> last(List<Entry> all, int n) {
        return all.subList(Math.max(0, all.size() - Math.max(0, n)), all.size());
    }

    private static Pattern glob(String pattern) {
        StringBuilder regex = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            regex.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
        }
        return Pattern.compile(regex.toString(), Pattern.DOTALL);
    }

    private static JsonElement withOutput(Entry entry) {
        JsonArray pair = new JsonArray();
        pair.add(entry.source());
        pair.add(entry.output().isEmpty() ? JsonNull.INSTANCE : new JsonPrimitive(entry.output()));
        return pair;
    }
}
