package org.skipgpt.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.Measured;
import org.skipgpt.report.TextTable;
import tech.tablesaw.api.Table;

class FiguresTest {
    private static final int PNG_LIMIT = 60_000;

    static Stream<Figure> drawn() {
        return Stream.of(curves(), drift(), scaling(), kinds(), points(), similarity(), routing());
    }

    static LinePlot curves() {
        Random random = new Random(7);
        double[] steps = IntStream.range(0, 1000).asDoubleStream().toArray();
        double[] tuning = IntStream.range(0, 1000)
                .mapToDouble(i -> 2.2 + 1.6 * Math.exp(-i / 180.0) + 0.12 * random.nextGaussian())
                .toArray();
        double[] joint = IntStream.range(0, 1000)
                .mapToDouble(i -> 2.5 + 2.4 * Math.exp(-i / 120.0) + 0.2 * random.nextGaussian())
                .toArray();
        joint[500] = Double.NaN;
        return LinePlot.of("Training loss: router tuning and joint training", "step", "loss (nats per token)")
                .withLine("router tuning", steps, tuning)
                .withLine("joint", steps, joint)
                .withSmoothing(25);
    }

    static LinePlot drift() {
        double[] position = IntStream.range(0, 40).mapToDouble(i -> 50 + 50 * i).toArray();
        double[] attention =
                IntStream.range(0, 40).mapToDouble(i -> 48 + 6 * Math.log1p(i)).toArray();
        double[] mlp =
                IntStream.range(0, 40).mapToDouble(i -> 74 - 4 * Math.log1p(i)).toArray();
        return LinePlot.of("Executed share along the context", "position (tokens)", "executed (%)")
                .withBand("attention", position, attention, shifted(attention, -3), shifted(attention, 3))
                .withBand("MLP", position, mlp, shifted(mlp, -2), shifted(mlp, 2));
    }

    static LinePlot scaling() {
        double[] sparsity = {0, 10, 20, 30, 40, 50, 60, 70};
        return LinePlot.of("WikiText-2 perplexity against sparsity", "skipped modules (%)", "perplexity")
                .withLine("Joint Layer Drop", sparsity, new double[] {5.5, 6.2, 8.1, 15, 60, 310, 1200, 5400})
                .withLine("SkipGPT-RT", sparsity, new double[] {5.5, 5.7, 6.0, 6.6, 7.8, 10.5, 19, 60})
                .withLine("ShortGPT", sparsity, new double[] {5.5, 7.9, 14.3, 60, 350, 2600, 9000, 30000})
                .withMarkers()
                .withLogY();
    }

    static BarPlot kinds() {
        return BarPlot.of(
                        "Skipped share by module kind",
                        "target sparsity",
                        "skipped (%)",
                        List.of("15 %", "25 %", "40 %"))
                .withBars("attention", new double[] {24, 38, 55}, new double[] {1.5, 1.2, 2.0})
                .withBars("MLP", new double[] {6, 12, 25}, new double[] {0.8, 0.9, 1.4});
    }

    static ScatterPlot points() {
        Random random = new Random(3);
        double[] surprisal = random.doubles(400, 0, 8).toArray();
        double[] cost = IntStream.range(0, 400)
                .mapToDouble(i -> 40 + 5 * surprisal[i] + 6 * random.nextGaussian())
                .toArray();
        return ScatterPlot.of("Cost of a token against its surprisal", "surprisal (nats)", "executed modules (%)")
                .withPoints("names", Arrays.copyOf(surprisal, 150), Arrays.copyOf(cost, 150))
                .withPoints(
                        "function words", Arrays.copyOfRange(surprisal, 150, 400), Arrays.copyOfRange(cost, 150, 400));
    }

    static Heatmap similarity() {
        List<String> tokens = List.of(
                "▁Once", "▁upon", "▁a", "▁time", ",", "▁there", "▁was", "▁a", "▁little", "▁girl", "▁named", "▁L", "ily",
                ".", "\n");
        List<String> modules = new ArrayList<>();
        Random random = new Random(1);
        double[][] values = new double[16][15];
        for (int r = 0; r < 16; r++) {
            modules.add((r % 2 == 0 ? "attention " : "MLP ") + r / 2);
            for (int c = 0; c < 15; c++) {
                values[r][c] = Math.min(1, 0.3 + 0.04 * r + 0.3 * random.nextDouble());
            }
        }
        values[3][4] = Double.NaN;
        return Heatmap.of("Similarity of each token before and after each module", values, modules, tokens)
                .withAxes("token", "module")
                .withUnit("cosine similarity")
                .withRange(0, 1);
    }

    static Heatmap routing() {
        double[][] values = new double[32][64];
        for (int r = 0; r < 32; r++) {
            for (int c = 0; c < 64; c++) {
                values[r][c] = Math.sin(r / 5.0) * Math.cos(c / 9.0) * 0.4;
            }
        }
        return Heatmap.of(
                        "Change of the execution rate",
                        values,
                        IntStream.range(0, 32).mapToObj(i -> "layer " + i).toList(),
                        IntStream.range(0, 64).mapToObj(String::valueOf).toList())
                .withAxes("position", "")
                .withUnit("difference")
                .withMiddle(0);
    }

    static TokenHtml shaded() {
        return new TokenHtml(
                "Modules run per token",
                List.of("▁Once", "▁upon", "▁a", "▁<time>", ",", "▁there", "\n", "end"),
                new double[] {0.9, 0.2, 0.1, 0.75, 0, 1, Double.NaN, 0.5},
                "share of modules run");
    }

    private static double[] shifted(double[] values, double by) {
        return Arrays.stream(values).map(value -> value + by).toArray();
    }

    @ParameterizedTest
    @MethodSource("drawn")
    void picturesAreSmallReadableAndAlwaysTheSame(Figure figure) throws Exception {
        byte[] png = figure.png().orElseThrow();
        String svg = figure.svg().orElseThrow();
        String folder = System.getProperty("skipgpt.figures", "");
        if (!folder.isEmpty()) {
            figure.save(Path.of(folder, figure.title().replaceAll("\\W+", "-") + ".png"));
            figure.save(Path.of(folder, figure.title().replaceAll("\\W+", "-") + ".svg"));
        }

        assertThat(png.length).isLessThan(PNG_LIMIT);
        assertThat(figure.png().orElseThrow()).isEqualTo(png);
        assertThat(figure.svg().orElseThrow()).isEqualTo(svg);
        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isEqualTo(760);
        var parsed = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
        assertThat(parsed.getElementsByTagName("title").item(0).getTextContent())
                .isEqualTo(figure.title());
        assertThat(figure.text().lines()).hasSizeLessThanOrEqualTo(25).allMatch(line -> line.length() <= 100);
        assertThat(figure.data().rows()).isNotEmpty();
    }

    @Test
    void twiceTheScaleIsTwiceThePixels() throws Exception {
        byte[] png = similarity().withSize(new PictureSize(760, 240, 2)).png().orElseThrow();

        assertThat(ImageIO.read(new ByteArrayInputStream(png)).getWidth()).isEqualTo(1520);
    }

    @Test
    void theCellsHaveThePaletteColours() throws Exception {
        Heatmap map = Heatmap.of("", new double[][] {{0, 1, Double.NaN}}, List.of("r"), List.of("a", "b", "c"))
                .withUnit("x");

        String svg = map.svg().orElseThrow();

        assertThat(svg).contains("#440154", "#fde725", "#bdbdbd").contains(">.00<", ">1.00<");
    }

    @Test
    void everyFormIsSavedByItsEnding(@TempDir Path folder) throws Exception {
        for (String ending : List.of("png", "svg", "html", "csv", "json", "md", "tex", "txt")) {
            kinds().save(folder.resolve("bars." + ending));
            assertThat(folder.resolve("bars." + ending)).isNotEmptyFile();
        }

        assertThat(Files.readString(folder.resolve("bars.csv")))
                .startsWith("target sparsity,attention,attention stderr,MLP,MLP stderr\n15 %,24.0,1.5,6.0,0.8\n");
        assertThatThrownBy(() -> kinds().save(folder.resolve("bars.gif")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("bars.gif");
        assertThatThrownBy(() -> shaded().save(folder.resolve("t.png"))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shadedTokensAreEscapedAndExplained() {
        String html = shaded().html().orElseThrow();

        assertThat(html)
                .contains(" &lt;time&gt;", "↵\n", "no value", "share of modules run: 0", "3 · &lt;time&gt; · 0.750")
                .doesNotContain("<time>", "<script", "http");
        assertThat(shaded().text())
                .contains("Once upon a <time>, there↵end")
                .contains("████ ▂▂▂▂")
                .contains("?▅▅▅");
    }

    @Test
    void aTableBecomesADataframe() {
        TextTable table = TextTable.of("t", Column.text("m"), Column.number("a", 1), Column.number("a", 1))
                .withRow("x", new Measured(1, 0.5), 3)
                .withRow("y", 2, null);

        Table frame = Dataframe.of(table);

        assertThat(frame.columnNames()).containsExactly("m", "a", "a stderr", "a 2");
        assertThat(frame.doubleColumn("a").sum()).isEqualTo(3);
        assertThat(frame.doubleColumn("a 2").countMissing()).isEqualTo(1);
    }

    @Test
    void unusualFiguresAreDrawn() {
        LinePlot many = LinePlot.of("Nine runs", "step", "loss (nats)");
        for (int i = 0; i < 9; i++) {
            many = many.withLine("a run with a rather long name " + i, new double[] {1, 10, 100}, new double[] {
                5 + i, 3 + i * 0.8, 2 + i * 0.7
            });
        }
        double[][] tall = new double[64][15];
        for (int r = 0; r < 64; r++) {
            for (int c = 0; c < 15; c++) {
                tall[r][c] = (r * 15 + c) / 959.0;
            }
        }
        List<String> modules = IntStream.range(0, 64)
                .mapToObj(i -> (i % 2 == 0 ? "attention " : "MLP ") + i / 2)
                .toList();
        List<String> words = IntStream.range(0, 15).mapToObj(i -> "▁word" + i).toList();
        List<Figure> figures = List.of(
                many.withLogX().withLogY().withMarkers(),
                LinePlot.of("One point", "step", "loss").withLine("a", new double[] {3}, new double[] {2}),
                LinePlot.of("A level line", "step", "loss").withLine("a", new double[] {1, 2}, new double[] {2, 2}),
                BarPlot.of(
                                "Seven tasks",
                                "task",
                                "accuracy (%)",
                                List.of(
                                        "OBQA",
                                        "WinoGrande",
                                        "PIQA",
                                        "HellaSwag",
                                        "BoolQ",
                                        "ARC-Easy",
                                        "ARC-Challenge"))
                        .withBars("dense", 44, 69, 79, 76, 78, 74, 46)
                        .withBars("SkipGPT-RT", 42, 68, 77, 73, Double.NaN, 70, 43)
                        .withBars("ShortGPT", 35, 60, 62, 55, 60, 50, 33),
                Heatmap.of("All modules", tall, modules, words)
                        .withAxes("token", "")
                        .withUnit("cosine"),
                Heatmap.of("One value", new double[][] {{2}}, List.of("r"), List.of("c")),
                similarity().withSize(new PictureSize(1000, 600, 2)));

        for (Figure figure : figures) {
            String folder = System.getProperty("skipgpt.figures", "");
            if (!folder.isEmpty()) {
                figure.save(Path.of(folder, "odd-" + figure.title().replaceAll("\\W+", "-") + ".png"));
            }
            assertThat(figure.png().orElseThrow()).hasSizeGreaterThan(1000);
            assertThat(figure.svg().orElseThrow()).endsWith("</svg>\n");
        }
    }

    @Test
    void smoothingIsAMeanOfNeighboursAndKeepsGaps() {
        Line line = new Line(
                "a", new double[] {1, 2, 3, 4}, new double[] {1, Double.NaN, 5, 9}, new double[0], new double[0]);

        assertThat(line.smoothed(3)).containsExactly(1, Double.NaN, 7, 7);
    }

    @Test
    void whatCannotBeDrawnIsNamed() {
        LinePlot plot = LinePlot.of("t", "x", "y");
        assertThatThrownBy(plot::png).isInstanceOf(IllegalStateException.class).hasMessageContaining("\"t\"");
        assertThatThrownBy(() -> plot.withLine("a", new double[] {1, 2}, new double[] {1}))
                .hasMessageContaining("2 x, 1 y");
        assertThatThrownBy(() ->
                        plot.withLine("a", new double[] {1}, new double[] {-1}).withLogY())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("(1.0, -1.0)");
        assertThatThrownBy(() -> BarPlot.of("t", "x", "y", List.of("a")).withBars("s", 1, 2))
                .hasMessageContaining("expected 1");
        assertThatThrownBy(() -> Heatmap.of("t", new double[][] {{1}}, List.of("a"), List.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new TokenHtml("t", List.of("a"), new double[] {1.5}, "m"))
                .hasMessageContaining("0..1");
        assertThatThrownBy(() -> new PictureSize(10, 10, 1)).isInstanceOf(IllegalArgumentException.class);
    }
}
