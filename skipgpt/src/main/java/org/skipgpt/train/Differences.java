package org.skipgpt.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What differs between the fingerprints of two runs, in words: {@code "steps: saved 60, now 30"}.
 *
 * <p>A fingerprint is parts between middle dots: records as Java prints them, a name with a number, or a bare identity.
 */
final class Differences {
    private static final Pattern RECORD = Pattern.compile("\\w+\\[(.*=.*)]", Pattern.DOTALL);
    private static final Pattern NAMED = Pattern.compile("([a-z][a-z ]*) (-?[0-9][0-9.E-]*)");
    private static final Pattern IDENTITY = Pattern.compile("[0-9a-f]{16,}");
    private static final int LONGEST = 60;

    private Differences() {}

    static String between(String saved, String now) {
        List<String> before = split(saved, " · ");
        List<String> after = split(now, " · ");
        if (!before.get(0).equals(after.get(0))) {
            return told("task", before.get(0), after.get(0));
        }
        Map<String, String> old = settings(before);
        Map<String, String> fresh = settings(after);
        Set<String> names = new LinkedHashSet<>(old.keySet());
        names.addAll(fresh.keySet());
        List<String> told = new ArrayList<>();
        for (String name : names) {
            String was = old.getOrDefault(name, "nothing");
            String is = fresh.getOrDefault(name, "nothing");
            if (!was.equals(is)) {
                told.add(told(name.replaceFirst("#\\d+$", ""), was, is));
            }
        }
        return told.isEmpty() ? "in another order" : String.join("; ", told);
    }

    private static Map<String, String> settings(List<String> parts) {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String part : parts) {
            put(settings, "", part);
        }
        return settings;
    }

    // Parts without a name are told apart by their number, which is not shown.
    private static void put(Map<String, String> settings, String name, String value) {
        Matcher record = RECORD.matcher(value);
        Matcher named = NAMED.matcher(value);
        if (record.matches()) {
            for (String field : split(record.group(1), ", ")) {
                int equals = field.indexOf('=');
                put(settings, equals < 0 ? name : field.substring(0, equals), field.substring(equals + 1));
            }
        } else if (name.isEmpty() && named.matches()) {
            put(settings, named.group(1), named.group(2));
        } else {
            boolean isIdentity = IDENTITY.matcher(value).find();
            String shown = !name.isEmpty() ? name : isIdentity ? "model, text or routers" : "setting";
            String key = shown;
            for (int i = 2; settings.containsKey(key); i++) {
                key = shown + "#" + i;
            }
            settings.put(key, value);
        }
    }

    private static String told(String name, String was, String is) {
        return name + ": saved " + shortened(was) + ", now " + shortened(is);
    }

    private static String shortened(String value) {
        String text =
                Pattern.compile("([0-9a-f]{12})[0-9a-f]{4,}").matcher(value).replaceAll("$1…");
        return text.length() > LONGEST ? text.substring(0, LONGEST - 1) + "…" : text;
    }

    /** Cuts a text where no bracket is open. */
    private static List<String> split(String text, String between) {
        List<String> parts = new ArrayList<>();
        int depth = 0;
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            depth += c == '[' || c == '(' ? 1 : c == ']' || c == ')' ? -1 : 0;
            if (depth == 0 && text.startsWith(between, i)) {
                parts.add(text.substring(from, i));
                from = i + between.length();
            }
        }
        parts.add(text.substring(from));
        return parts;
    }
}
