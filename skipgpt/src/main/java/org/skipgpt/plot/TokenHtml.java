package org.skipgpt.plot;

import java.awt.Color;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Html;
import org.skipgpt.report.TextTable;

/**
 * A text whose tokens are shaded by a value each, e.g. the share of modules a token ran.
 *
 * <p>Html only: no picture. Spaces and line ends marked ▁ and ↵ in the pieces show as such.
 *
 * @param title over the text
 * @param pieces T tokens as text, in order
 * @param values T values 0..1; NaN is grey
 * @param meaning what the value is, for the legend
 */
public record TokenHtml(String title, List<String> pieces, double[] values, String meaning) implements Figure {
    private static final int LINE = 96;
    private static final int TEXT_ROWS = 11;
    private static final String LEVELS = "▁▂▃▄▅▆▇█";

    /** Copies both and checks the lengths and the range. */
    public TokenHtml {
        pieces = List.copyOf(pieces);
        values = values.clone();
        if (pieces.size() != values.length) {
            throw new IllegalArgumentException(
                    pieces.size() + " tokens with " + values.length + " values: expected one value per token");
        }
        for (double value : values) {
            if (value < 0 || value > 1) {
                throw new IllegalArgumentException("value " + value + " is not allowed: expected 0..1 or NaN");
            }
        }
    }

    private static String spaced(String piece) {
        return piece.replace('▁', ' ').replace('↵', '\n');
    }

    @Override
    public Optional<String> html() {
        StringBuilder out = new StringBuilder("<div style=\"font-family:sans-serif;max-width:60em;color:#222;"
                + "background:#fff;padding:8px\"><div style=\"font-weight:bold;margin-bottom:6px\">");
        out.append(Html.escape(title)).append("</div>");
        legend(out);
        out.append("<div style=\"line-height:1.9;white-space:pre-wrap\">");
        for (int i = 0; i < values.length; i++) {
            String text = spaced(pieces.get(i));
            Color ground = Palette.BLUES.at(values[i]);
            out.append("<span title=\"")
                    .append(Html.escape(i + " · " + text.strip() + " · " + value(values[i])))
                    .append("\" style=\"background:")
                    .append(Palette.css(ground))
                    .append(";color:")
                    .append(Palette.css(Palette.inkOn(ground)))
                    .append("\">")
                    .append(Html.escape(text).replace("\n", "↵\n"))
                    .append("</span>");
        }
        return Optional.of(out.append("</div></div>").toString());
    }

    private void legend(StringBuilder out) {
        out.append("<div style=\"font-size:12px;margin-bottom:8px\">")
                .append(Html.escape(meaning))
                .append(": 0 ");
        for (int i = 0; i <= 10; i++) {
            out.append("<span style=\"display:inline-block;width:14px;height:11px;background:")
                    .append(Palette.css(Palette.BLUES.at(i / 10.0)))
                    .append("\"></span>");
        }
        out.append(" 1");
        if (IntStream.range(0, values.length).anyMatch(i -> Double.isNaN(values[i]))) {
            out.append(" &nbsp; <span style=\"display:inline-block;width:14px;height:11px;background:")
                    .append(Palette.css(Palette.ABSENT))
                    .append("\"></span> no value");
        }
        out.append("</div>");
    }

    private static String value(double value) {
        return Double.isNaN(value) ? "no value" : String.format(Locale.ROOT, "%.3f", value);
    }

    /** The text with a row of levels ▁ to █ under it. */
    @Override
    public String text() {
        List<String> out = new ArrayList<>();
        out.add(title + " (" + meaning + ": ▁ 0 .. █ 1)");
        StringBuilder words = new StringBuilder();
        StringBuilder levels = new StringBuilder();
        int rows = 0;
        int at = 0;
        for (; at < values.length && rows < TEXT_ROWS; at++) {
            String piece = spaced(pieces.get(at)).replaceAll("\\R", "↵");
            String fitted = piece.length() <= LINE ? piece : piece.substring(0, LINE - 1) + "…";
            if (words.length() + fitted.length() > LINE) {
                out.add(words.toString().stripTrailing());
                out.add(levels.toString().stripTrailing());
                words.setLength(0);
                levels.setLength(0);
                rows++;
            }
            int level = (int) Math.min(7, values[at] * 8);
            char mark = Double.isNaN(values[at]) ? '?' : LEVELS.charAt(level);
            int lead = fitted.length() - fitted.stripLeading().length();
            words.append(fitted);
            levels.append(" ".repeat(lead)).append(String.valueOf(mark).repeat(fitted.length() - lead));
        }
        if (!words.isEmpty() && rows < TEXT_ROWS) {
            out.add(words.toString().stripTrailing());
            out.add(levels.toString().stripTrailing());
        }
        if (at < values.length) {
            out.add("… " + (values.length - at + 1) + " more tokens");
        }
        return String.join("\n", out);
    }

    /** One row per token. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                title, List.of(Column.number("place", 0), Column.text("token"), Column.number(meaning, 4)));
        for (int i = 0; i < values.length; i++) {
            table.add(i, pieces.get(i), values[i]);
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
