package org.skipgpt.report;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** A table in the markup languages that people paste tables into. */
final class TableMarkup {
    private static final String CELL = "padding:2px 8px;border-bottom:1px solid #ddd;";

    private TableMarkup() {}

    static String html(TextTable table) {
        StringBuilder out = new StringBuilder("<table style=\"border-collapse:collapse;font-size:13px\">");
        if (!table.title().isEmpty()) {
            out.append("<caption style=\"text-align:left;font-weight:bold;padding:4px 0\">")
                    .append(Html.escape(table.title()))
                    .append("</caption>");
        }
        out.append("<thead><tr>");
        for (Column column : table.columns()) {
            out.append(open("th", column)).append(Html.escape(column.name())).append("</th>");
        }
        out.append("</tr></thead><tbody>");
        for (int r = 0; r < table.rows().size(); r++) {
            out.append(table.rows().get(r).compared() ? "<tr>" : "<tr style=\"color:#666;font-style:italic\">");
            for (int c = 0; c < table.columns().size(); c++) {
                String cell = Html.escape(table.shown(r, c));
                out.append(open("td", table.columns().get(c)));
                out.append(table.isBest(r, c) ? "<b>" + cell + "</b>" : cell).append("</td>");
            }
            out.append("</tr>");
        }
        out.append("</tbody></table>");
        if (table.hasReferences()) {
            out.append("<div style=\"font-size:11px;color:#666\">† reported elsewhere, not compared</div>");
        }
        return out.toString();
    }

    private static String open(String tag, Column column) {
        return "<" + tag + " style=\"" + CELL + "text-align:" + (column.isNumber() ? "right" : "left") + "\">";
    }

    static String markdown(TextTable table) {
        StringBuilder out = new StringBuilder();
        UnaryOperator<String> escape = TableMarkup::escapePipes;
        List<String> names = table.columns().stream()
                .map(column -> escape.apply(column.name()))
                .toList();
        out.append("| ").append(String.join(" | ", names)).append(" |\n|");
        for (Column column : table.columns()) {
            out.append(column.isNumber() ? " ---: |" : " --- |");
        }
        for (List<String> row : cells(table, escape, "**", "**")) {
            out.append("\n| ").append(String.join(" | ", row)).append(" |");
        }
        if (table.hasReferences()) {
            out.append("\n\n† reported elsewhere, not compared");
        }
        return out.toString();
    }

    private static String escapePipes(String text) {
        return text.replace("\\", "\\\\")
                .replace("|", "\\|")
                .replace("*", "\\*")
                .replaceAll("\\R", " ");
    }

    static String latex(TextTable table) {
        StringBuilder out = new StringBuilder("\\begin{table}\n\\centering\n");
        out.append("\\caption{").append(escapeLatex(table.title())).append("}\n\\begin{tabular}{");
        table.columns().forEach(column -> out.append(column.isNumber() ? 'r' : 'l'));
        out.append("}\n\\toprule\n");
        List<String> names = table.columns().stream()
                .map(column -> escapeLatex(column.name()))
                .toList();
        out.append(String.join(" & ", names)).append(" \\\\\n\\midrule\n");
        for (List<String> row : cells(table, TableMarkup::escapeLatex, "\\textbf{", "}")) {
            out.append(String.join(" & ", row)).append(" \\\\\n");
        }
        out.append("\\bottomrule\n\\end{tabular}\n");
        if (table.hasReferences()) {
            out.append("\\par\\footnotesize $\\dagger$ reported elsewhere, not compared\n");
        }
        return out.append("\\end{table}").toString();
    }

    private static String escapeLatex(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&', '%', '$', '#', '_', '{', '}' -> out.append('\\').append(c);
                case '\\' -> out.append("\\textbackslash{}");
                case '~' -> out.append("\\textasciitilde{}");
                case '^' -> out.append("\\textasciicircum{}");
                case '±' -> out.append("$\\pm$");
                case '†' -> out.append("$\\dagger$");
                case '–' -> out.append("--");
                default -> out.append(c);
            }
        }
        return out.toString();
    }

    private static List<List<String>> cells(
            TextTable table, UnaryOperator<String> escape, String before, String after) {
        List<List<String>> out = new ArrayList<>();
        for (int r = 0; r < table.rows().size(); r++) {
            List<String> row = new ArrayList<>();
            for (int c = 0; c < table.columns().size(); c++) {
                String cell = escape.apply(table.shown(r, c));
                row.add(table.isBest(r, c) ? before + cell + after : cell);
            }
            out.add(row);
        }
        return out;
    }
}
