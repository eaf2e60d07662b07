package org.skipgpt.plot;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.Shape;
import java.awt.geom.AffineTransform;
import java.awt.geom.Area;
import java.awt.geom.PathIterator;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.skipgpt.report.Html;

/** Java 2D drawing written down as SVG: shapes as paths, strings as text, clips as clip paths; no images. */
final class SvgGraphics extends PlainGraphics {
    private final StringBuilder body = new StringBuilder();
    private final StringBuilder head = new StringBuilder();
    private final int width;
    private final int height;
    private final String title;
    private int clips;
    private String lastTail = "";
    private String lastPoint = "";
    private int lastEnd = -1;

    SvgGraphics(int width, int height, String title) {
        this.width = width;
        this.height = height;
        this.title = title;
    }

    String document() {
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height
                + "\" viewBox=\"0 0 " + width + " " + height + "\" role=\"img\">\n<title>" + Html.escape(title)
                + "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
                + (head.isEmpty() ? "" : "<defs>\n" + head + "</defs>\n") + body + "</svg>\n";
    }

    @Override
    public void draw(Shape shape) {
        if (!(getStroke() instanceof BasicStroke stroke)) {
            fill(getStroke().createStrokedShape(shape));
            return;
        }
        StringBuilder style = new StringBuilder("fill=\"none\" ").append(colour("stroke"));
        style.append(" stroke-width=\"").append(number(stroke.getLineWidth())).append('"');
        if (stroke.getDashArray() != null) {
            style.append(" stroke-dasharray=\"");
            for (float dash : stroke.getDashArray()) {
                style.append(number(dash)).append(' ');
            }
            style.append('"');
        }
        if (stroke.getLineJoin() == BasicStroke.JOIN_ROUND) {
            style.append(" stroke-linejoin=\"round\"");
        }
        path(shape, style.toString());
    }

    @Override
    public void fill(Shape shape) {
        path(shape, colour("fill"));
    }

    private void path(Shape shape, String style) {
        String data = data(shape.getPathIterator(getTransform()));
        if (data.isEmpty()) {
            return;
        }
        String tail = "\" " + style + clip() + "/>\n";
        boolean continues = style.startsWith("fill=\"none\"") && lastTail.equals(tail) && lastEnd == body.length();
        if (continues) { // charts draw a line piece by piece; one path holds them all
            body.setLength(body.length() - tail.length());
            int join = data.indexOf('L');
            boolean goesOn = join > 0 && lastPoint.equals(data.substring(1, join));
            body.append(goesOn ? data.substring(join) : data).append(tail);
        } else {
            body.append("<path d=\"").append(data).append(tail);
        }
        lastTail = tail;
        lastEnd = body.length();
        lastPoint = data.substring(data.lastIndexOf('L') + 1);
    }

    @Override
    public void drawString(String text, float x, float y) {
        AffineTransform at = getTransform();
        at.translate(x, y);
        Font font = getFont();
        body.append("<text font-family=\"DejaVu Sans, Verdana, sans-serif\" font-size=\"")
                .append(number(font.getSize2D()))
                .append('"')
                .append(font.isBold() ? " font-weight=\"bold\" " : " ")
                .append(colour("fill"))
                .append(" xml:space=\"preserve\" transform=\"matrix(");
        double[] matrix = new double[6];
        at.getMatrix(matrix);
        for (int i = 0; i < 6; i++) {
            body.append(i == 0 ? "" : " ").append(number(matrix[i]));
        }
        body.append(")\"").append(clip()).append('>').append(Html.escape(text)).append("</text>\n");
    }

    private String colour(String attribute) {
        Color colour = getColor();
        String opacity = colour.getAlpha() == 255
                ? ""
                : " " + attribute + "-opacity=\"" + number(colour.getAlpha() / 255.0) + '"';
        return attribute + "=\"" + Palette.css(colour) + '"' + opacity;
    }

    // Ids are told apart by title, since several pictures may stand in one page.
    private String clip() {
        Shape clip = deviceClip();
        if (clip == null || clip.contains(0, 0, width, height)) {
            return "";
        }
        String data = data(clip.getPathIterator(null));
        String known = "\"><path d=\"" + data + "\"/></clipPath>\n";
        int at = head.indexOf(known);
        if (at >= 0) {
            int from = head.lastIndexOf("id=\"", at) + 4;
            return " clip-path=\"url(#" + head.substring(from, at) + ")\"";
        }
        String id = "c" + Integer.toHexString(title.hashCode()) + "-" + clips++;
        head.append("<clipPath id=\"").append(id).append(known);
        return " clip-path=\"url(#" + id + ")\"";
    }

    private static String data(PathIterator path) {
        StringBuilder out = new StringBuilder();
        double[] p = new double[6];
        for (; !path.isDone(); path.next()) {
            int kind = path.currentSegment(p);
            out.append("MLQCZ".charAt(kind));
            int numbers = new int[] {2, 2, 4, 6, 0}[kind];
            for (int i = 0; i < numbers; i++) {
                out.append(i == 0 ? "" : " ").append(number(p[i]));
            }
        }
        return out.toString();
    }

    private static String number(double value) {
        String text = String.format(Locale.ROOT, "%.2f", value);
        String cut = text.replaceAll("\\.?0+$", "");
        return cut.equals("-0") || cut.isEmpty() ? "0" : cut;
    }

    @Override
    public @Nullable Graphics2D create() {
        throw new UnsupportedOperationException("copies of this graphics are not needed by any chart");
    }

    /** The area two clips share, in device space. */
    static Shape common(@Nullable Shape first, Shape second) {
        if (first == null) {
            return second;
        }
        Area area = new Area(first);
        area.intersect(new Area(second));
        return area;
    }
}
