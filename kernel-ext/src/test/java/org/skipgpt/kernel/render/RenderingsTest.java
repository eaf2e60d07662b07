package org.skipgpt.kernel.render;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.URL;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.skipgpt.report.Report;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

class RenderingsTest {
    private static final String PNG_MAGIC = Base64.getEncoder().encodeToString(new byte[] {(byte) 0x89, 'P', 'N'});

    @Test
    void aReportHasAPictureOrAnSvgAndAlwaysText() {
        Report both = report(Optional.of(new byte[] {1}), Optional.of("<svg/>"));
        Report svg = report(Optional.empty(), Optional.of("<svg/>"));

        assertThat(forms(both)).containsOnlyKeys(Rendering.PNG, Rendering.TEXT);
        assertThat(forms(svg)).containsEntry(Rendering.SVG, "<svg/>").containsEntry(Rendering.TEXT, "text");
    }

    @Test
    void aTableIsCutAndEscaped() {
        Table table = Table.create(
                "<name>",
                IntColumn.create("n", IntStream.range(0, 100).toArray()),
                StringColumn.create(
                        "s",
                        IntStream.range(0, 100).mapToObj(i -> "<v" + i + ">").toList()));

        String html = forms(table).getOrDefault(Rendering.HTML, "");

        assertThat(html)
                .contains("&lt;name&gt;", "the first 30 of 100 rows", "&lt;v29&gt;")
                .doesNotContain("&lt;v30&gt;", "<v")
                .containsOnlyOnce("<script>");
        assertThat(forms(table).getOrDefault(Rendering.TEXT, "")).contains("<v0>");
    }

    @Test
    void aTableOfOneRowHasNothingToSort() {
        assertThat(forms(Table.create("t", IntColumn.create("n", 1))).getOrDefault(Rendering.HTML, ""))
                .contains("<td")
                .doesNotContain("<script");
    }

    @Test
    void arraysShowLengthsAndFirstValues() {
        assertThat(text(new int[] {3, 4})).isEqualTo("int[2]\n3  4");
        assertThat(text(new long[0])).isEqualTo("long[0]");
        assertThat(text(new String[] {"a", "b"})).isEqualTo("String[2]\na  b");
        assertThat(text(new double[][] {{1, 2}, {3, 4}})).isEqualTo("double[2][2]\n1.0000  2.0000\n3.0000  4.0000");
        assertThat(text(new float[2][9][30]))
                .startsWith("float[2][9][30]\nfirst matrix:\n0.0000  ")
                .endsWith("\n...")
                .hasLineCount(9);
        assertThat(text(new int[2][])).isEqualTo("int[2][]\nnull\nnull");
    }

    private static String text(Object value) {
        return forms(value).getOrDefault(Rendering.TEXT, "");
    }

    @Test
    void aChartIsAPicture() {
        XYChart chart =
                new XYChartBuilder().title("loss").width(200).height(150).build();
        chart.addSeries("a", new double[] {1, 2}, new double[] {3, 4});

        assertThat(forms(chart)).containsEntry(Rendering.TEXT, "chart: loss");
        assertThat(forms(chart).getOrDefault(Rendering.PNG, "")).startsWith(PNG_MAGIC);
    }

    @Test
    void aPictureWithTransparencyIsAJpegOnWhite() throws Exception {
        BufferedImage picture = new BufferedImage(8, 8, BufferedImage.TYPE_INT_ARGB);

        String jpeg = rendering(picture).of(picture, Rendering.JPEG);

        BufferedImage read =
                ImageIO.read(new ByteArrayInputStream(Base64.getDecoder().decode(jpeg)));
        assertThat(read.getRGB(4, 4)).isEqualTo(Color.WHITE.getRGB());
        assertThat(forms(picture)).containsOnlyKeys(Rendering.PNG, Rendering.TEXT);
        assertThatThrownBy(() -> rendering(picture).of(picture, "image/tiff"))
                .hasMessageContaining("BufferedImage is not shown as image/tiff: expected one of [image/jpeg]");
    }

    @Test
    void anAddressIsALinkOrThePictureItNames() throws Exception {
        assertThat(forms(new URL("https://a.example/b?c=1&d=\"2\"")))
                .containsEntry(
                        Rendering.HTML,
                        "<a href=\"https://a.example/b?c=1&amp;d=&quot;2&quot;\">"
                                + "https://a.example/b?c=1&amp;d=&quot;2&quot;</a>")
                .containsEntry(Rendering.TEXT, "https://a.example/b?c=1&d=\"2\"");
        assertThat(forms(URI.create("https://a.example/b.PNG?c=1")).getOrDefault(Rendering.HTML, ""))
                .isEqualTo("<img src=\"https://a.example/b.PNG?c=1\" alt=\"https://a.example/b.PNG?c=1\">");
        assertThat(forms(URI.create("javascript:alert(1)"))).containsOnlyKeys(Rendering.TEXT);
    }

    private static Map<String, String> forms(Object value) {
        return rendering(value).of(value);
    }

    private static Rendering<?> rendering(Object value) {
        return Renderings.all().stream()
                .filter(rendering -> rendering.type().isInstance(value))
                .findFirst()
                .orElseThrow();
    }

    private static Report report(Optional<byte[]> png, Optional<String> svg) {
        return new Report() {
            @Override
            public String text() {
                return "text";
            }

            @Override
            public Optional<byte[]> png() {
                return png;
            }

            @Override
            public Optional<String> svg() {
                return svg;
            }
        };
    }
}
