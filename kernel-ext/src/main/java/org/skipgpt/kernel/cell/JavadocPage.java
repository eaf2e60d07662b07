package org.skipgpt.kernel.cell;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The page that javadoc makes of a class, as far as its descriptions go. The names of anchors are the same in all versions
 * since Java 8, but for their brackets: {@code more(int,long)}, {@code more-int-long-}.
 */
final class JavadocPage {
    private static final Pattern ANCHOR = Pattern.compile("<(?:a|section)\\b[^>]*\\b(?:id|name)=\"([^\"]+)\"[^>]*>");
    private static final Pattern BLOCK = Pattern.compile("(?s)<div class=\"block\">(.*?)</div>\\s*(?=<|$)");
    private static final Pattern NOTES = Pattern.compile("(?s)<dl(?: class=\"notes\")?>(.*?)</dl>");

    /** Where a page begins to describe the class itself, in newer and in older versions. */
    private static final Pattern DESCRIPTION =
            Pattern.compile("<section class=\"(?:class-)?description\"|<div class=\"description\">");

    /** Where that ends: the first summary or the first detail. */
    private static final Pattern SUMMARY =
            Pattern.compile("<section class=\"summary\"|<div class=\"summary\">|<ul class=\"summary-list\">");

    /**
     * A member that the page describes.
     *
     * @param name simple name; of a constructor {@code <init>}
     * @param parameters number of parameters; -1 for a field
     * @param from where its part of the page begins
     */
    private record Member(String name, int parameters, int from) {}

    private final String html;
    private final List<Member> members = new ArrayList<>();

    JavadocPage(String html, String simpleName) {
        this.html = html;
        Matcher anchors = ANCHOR.matcher(html);
        while (anchors.find()) {
            String anchor = anchors.group(1)
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("%3C", "<")
                    .replace("%3E", ">");
            int open = anchor.indexOf('(');
            int dash = anchor.indexOf('-');
            int end = open >= 0 ? open : dash > 0 && anchor.endsWith("-") ? dash : anchor.length();
            String name = anchor.substring(0, end);
            if (!name.matches("<init>|[\\p{L}_$][\\w$]*")) {
                continue;
            }
            String list = open >= 0
                    ? anchor.substring(open + 1, anchor.length() - 1)
                    : end < anchor.length()
                            ? anchor.substring(end + 1, anchor.length() - 1).replace('-', ',')
                            : "";
            int count = end == anchor.length() ? -1 : list.isEmpty() ? 0 : list.split(",").length;
            members.add(new Member(name.equals(simpleName) ? "<init>" : name, count, anchors.end()));
        }
    }

    /** The description of a member, or of the class where the name is empty; html, empty where there is none. */
    String doc(String member, int parameters) {
        if (member.isEmpty()) {
            Matcher start = DESCRIPTION.matcher(html);
            if (!start.find()) {
                return "";
            }
            Matcher end = SUMMARY.matcher(html);
            return described(html.substring(start.end(), end.find(start.end()) ? end.start() : html.length()));
        }
        return find(member, parameters).or(() -> find(member, null)).orElse("");
    }

    private Optional<String> find(String name, @Nullable Integer parameters) {
        for (int i = 0; i < members.size(); i++) {
            Member one = members.get(i);
            if (one.name().equals(name) && (parameters == null || one.parameters() == parameters)) {
                int to = i + 1 < members.size() ? members.get(i + 1).from() : html.length();
                String text = described(html.substring(one.from(), to));
                if (!text.isEmpty()) {
                    return Optional.of(text);
                }
            }
        }
        return Optional.empty();
    }

    private static String described(String part) {
        Matcher block = BLOCK.matcher(part);
        if (!block.find()) {
            return "";
        }
        Matcher notes = NOTES.matcher(part);
        String more = notes.find(block.end())
                ? "\n" + notes.group(1).replaceAll("<dt>", "\n").replaceAll("<dd>", "\n  ")
                : "";
        return block.group(1) + more;
    }
}
