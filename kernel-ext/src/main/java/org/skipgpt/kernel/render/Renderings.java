package org.skipgpt.kernel.render;

import static org.skipgpt.kernel.render.Rendering.HTML;
import static org.skipgpt.kernel.render.Rendering.JPEG;
import static org.skipgpt.kernel.render.Rendering.PNG;
import static org.skipgpt.kernel.render.Rendering.SVG;
import static org.skipgpt.kernel.render.Rendering.TEXT;

import ai.djl.ndarray.NDArray;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.internal.chartpart.IChart;
import org.skipgpt.report.Html;
import org.skipgpt.report.Report;
import tech.tablesaw.api.Table;

/** All renderings of this extension. */
public final class Renderings {
    private static final Pattern PICTURE = Pattern.compile("(?i).*\\.(png|jpe?g|gif|svg|webp)");

    private Renderings() {}

    /** The renderings; those whose library is not on the class path are left out. */
    public static List<Rendering<?>> all() {
        List<Rendering<?>> all = new ArrayList<>();
        List<Supplier<Rendering<?>>> known = List.of(
                () -> new Rendering<>(Report.class, List.of(HTML, PNG, SVG, TEXT), Renderings::report),
                () -> new Rendering<>(
                        BufferedImage.class, List.of(PNG, TEXT), Renderings::picture, Map.of(JPEG, Renderings::jpeg)),
                () -> new Rendering<>(URL.class, List.of(HTML, TEXT), url -> link(url.toExternalForm(), url.getPath())),
                () -> new Rendering<>(URI.class, List.of(HTML, TEXT), uri -> link(uri.toString(), uri.getPath())),
                () -> new Rendering<>(NDArray.class, List.of(TEXT), array -> Map.of(TEXT, ArrayText.of(array))),
                () -> new Rendering<>(Table.class, List.of(HTML, TEXT), TableForms::of),
                () -> new Rendering<>(IChart.class, List.of(PNG, TEXT), Renderings::chart));
        for (Supplier<Rendering<?>> rendering : known) {
            try {
                all.add(rendering.get());
            } catch (NoClassDefFoundError e) {
                System.getLogger("org.skipgpt.kernel").log(System.Logger.Level.DEBUG, "no rendering", e);
            }
        }
        all.addAll(JavaArrays.all());
        return all;
    }

    /** The forms of a report: a picture as PNG, or as SVG where it has no PNG, so that notebooks stay small. */
    public static Map<String, String> report(Report report) {
        Map<String, String> forms = new LinkedHashMap<>();
        report.html().ifPresent(html -> forms.put(HTML, html));
        report.png().ifPresent(png -> forms.put(PNG, Base64.getEncoder().encodeToString(png)));
        if (!forms.containsKey(PNG)) {
            report.svg().ifPresent(svg -> forms.put(SVG, svg));
        }
        forms.put(TEXT, report.text());
        return forms;
    }

    private static Map<String, String> picture(BufferedImage picture) {
        String text = "picture of " + picture.getWidth() + " x " + picture.getHeight() + " pixels";
        return Map.of(PNG, png(picture), TEXT, text);
    }

    private static String png(BufferedImage picture) {
        return encoded(picture, "png");
    }

    // JPEG has no transparency, and Java writes nothing at all for a picture that has it; a page below it is white.
    private static String jpeg(BufferedImage picture) {
        BufferedImage opaque = new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_INT_RGB);
        Graphics2D pen = opaque.createGraphics();
        pen.drawImage(picture, 0, 0, Color.WHITE, null);
        pen.dispose();
        return encoded(opaque, "jpg");
    }

    private static String encoded(BufferedImage picture, String format) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            if (!ImageIO.write(picture, format, bytes)) {
                throw new IllegalStateException("this Java writes no " + format + " of " + picture);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Base64.getEncoder().encodeToString(bytes.toByteArray());
    }

    /** An address: the picture that it names, else a link. Scripts in an address stay text. */
    private static Map<String, String> link(String address, @Nullable String path) {
        String text = Html.escape(address);
        boolean isPage = address.matches("(?i)(https?|file|ftp):.*");
        if (!isPage) {
            return Map.of(TEXT, address);
        }
        String html = path != null && PICTURE.matcher(path).matches()
                ? "<img src=\"" + text + "\" alt=\"" + text + "\">"
                : "<a href=\"" + text + "\">" + text + "</a>";
        return Map.of(HTML, html, TEXT, address);
    }

    private static Map<String, String> chart(IChart chart) {
        BufferedImage canvas = new BufferedImage(chart.getWidth(), chart.getHeight(), BufferedImage.TYPE_INT_RGB);
        Graphics2D pen = canvas.createGraphics();
        chart.paint(pen, chart.getWidth(), chart.getHeight());
        pen.dispose();
        return Map.of(PNG, png(canvas), TEXT, "chart: " + chart.getTitle());
    }
}
