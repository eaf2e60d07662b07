package org.skipgpt.plot;

import java.util.Arrays;
import java.util.List;
import org.skipgpt.report.Column;
import org.skipgpt.report.TextTable;

/** Series in numbers, for where no picture is shown. */
final class SeriesText {
    private SeriesText() {}

    static String of(String title, String xLabel, String yLabel, List<Line> lines) {
        TextTable.Builder table = TextTable.builder(
                title + ": " + yLabel + " against " + xLabel,
                List.of(
                        Column.text("series"),
                        Column.number("points", 0),
                        Column.text("x from"),
                        Column.text("to"),
                        Column.text("y first"),
                        Column.text("last"),
                        Column.text("lowest"),
                        Column.text("highest")));
        for (Line line : lines) {
            double[] finite = Arrays.stream(line.y()).filter(Double::isFinite).toArray();
            table.add(
                    line.name(),
                    line.y().length,
                    Numbers.shown(Arrays.stream(line.x()).min().orElse(Double.NaN)),
                    Numbers.shown(Arrays.stream(line.x()).max().orElse(Double.NaN)),
                    Numbers.shown(finite.length == 0 ? Double.NaN : finite[0]),
                    Numbers.shown(finite.length == 0 ? Double.NaN : finite[finite.length - 1]),
                    Numbers.shown(Arrays.stream(finite).min().orElse(Double.NaN)),
                    Numbers.shown(Arrays.stream(finite).max().orElse(Double.NaN)));
        }
        return table.build().text();
    }
}
