package org.skipgpt.kernel.cell;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Javadoc comments as plain text. */
final class JavadocText {
    private static final Pattern INLINE_TAG = Pattern.compile("\\{@(\\w+)\\s*([^{}]*)\\}");

    private JavadocText() {}

    /** Removes tags and entities; keeps paragraphs, lists and block tags. */
    static String plain(String comment) {
        String text = comment;
        Matcher tags = INLINE_TAG.matcher(text);
        while (tags.find()) { // from the inside out, as tags nest
            text = tags.replaceAll(tag ->
                    Matcher.quoteReplacement(inline(tag.group(1), tag.group(2).strip())));
            tags = INLINE_TAG.matcher(text);
        }
        return text.replaceAll("(?i)<p>|</p>|<br\\s*/?>", "\n")
                .replaceAll("(?i)<li>", "\n  - ")
                .replaceAll("<[^>]+>", "")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&nbsp;", " ")
                .replace("&amp;", "&")
                .replaceAll("[ \\t]+\\n", "\n")
                .replaceAll("\\n{3,}", "\n\n")
                .strip();
    }

    private static String inline(String tag, String body) {
        String unbraced = body.replace("<", "&lt;").replace(">", "&gt;");
        if (!tag.startsWith("link") && !tag.equals("value")) {
            return unbraced;
        }
        int label = body.indexOf(' ');
        boolean isReference = label < 0 || (body.indexOf('(') >= 0 && body.indexOf(')') > label);
        return isReference ? body.replaceFirst("^#", "").replace('#', '.') : body.substring(label + 1);
    }
}
