package org.skipgpt.plot;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.geom.AffineTransform;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.Locale;

/** Where everything of a heat map goes, and the drawing of it. */
final class HeatmapLayout {
    private static final Color INK = new Color(0x333333);
    private static final int PADDING = 12;
    private static final int BAR_WIDTH = 16;
    private static final int BAR_SPACE = 82;
    private static final int LABEL_LETTERS = 24;
    private static final int LEAST_CELL = 13;
    private static final int TICKS = 5;

    private final Heatmap map;
    private final Font titleFont = ChartLook.font(Font.BOLD, 15);
    private final Font axisFont = ChartLook.font(Font.PLAIN, 13);
    private final Font labelFont = ChartLook.font(Font.PLAIN, 12);
    private final FontMetrics labels;
    private final boolean upright;
    private final int rowStep;
    private final int columnStep;
    private final double left;
    private final double top;
    private final double cellWidth;
    private final double cellHeight;
    private final double labelHeight;
    private final int height;

    HeatmapLayout(Heatmap map) {
        this.map = map;
        Graphics2D measure = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
        Pictures.smooth(measure);
        labels = measure.getFontMetrics(labelFont);
        measure.dispose();
        int rows = map.rowLabels().size();
        int columns = map.columnLabels().size();
        left = PADDING + (map.yLabel().isEmpty() ? 0 : 24) + widest(map.rowLabels()) + 8;
        top = PADDING + (map.title().isEmpty() ? 0 : 28);
        cellWidth = Math.max(1, (map.size().width() - left - BAR_SPACE - PADDING) / columns);
        boolean counted = Ticks.countsFrom(map.columnLabels()) >= 0;
        upright = counted || widest(map.columnLabels()) + 6 <= cellWidth;
        columnStep = step(map.columnLabels(), cellWidth, upright ? widest(map.columnLabels()) + 6 : LEAST_CELL);
        labelHeight = upright ? 20 : widest(map.columnLabels()) + 8;
        double below = labelHeight + (map.xLabel().isEmpty() ? 0 : 24) + PADDING;
        double room = map.size().height() - top - below;
        cellHeight = Math.max(rows <= 64 ? LEAST_CELL : 768.0 / rows, Math.min(room / rows, 40));
        rowStep = step(map.rowLabels(), cellHeight, LEAST_CELL);
        height = (int) Math.ceil(Math.max(top + Math.max(cellHeight * rows, 120) + below, 150));
    }

    PictureSize pictureSize() {
        return new PictureSize(map.size().width(), height, map.size().scale());
    }

    private int widest(List<String> texts) {
        return texts.stream()
                .mapToInt(text -> labels.stringWidth(shown(text)))
                .max()
                .orElse(0);
    }

    // Token texts begin with spaces and hold line ends; both must show, and long ones are cut.
    private static String shown(String label) {
        String visible = label.replace("\r", "\\r")
                .replace("\n", "\\n")
                .replace("\t", "\\t")
                .replace(' ', '\u00a0');
        return visible.length() <= LABEL_LETTERS ? visible : visible.substring(0, LABEL_LETTERS - 1) + "…";
    }

    void draw(Graphics2D graphics) {
        cells(graphics);
        rowLabels(graphics);
        columnLabels(graphics);
        bar(graphics);
        graphics.setColor(INK);
        graphics.setFont(titleFont);
        graphics.drawString(map.title(), (float) left, PADDING + 14);
        graphics.setFont(axisFont);
        FontMetrics axis = graphics.getFontMetrics(axisFont);
        double middleX = left + gridWidth() / 2;
        double belowLabels = top + gridHeight() + labelHeight + axis.getAscent();
        graphics.drawString(
                map.xLabel(), (float) (middleX - axis.stringWidth(map.xLabel()) / 2.0), (float) belowLabels);
        double middleY = top + gridHeight() / 2 + axis.stringWidth(map.yLabel()) / 2.0;
        turned(graphics, map.yLabel(), PADDING + 12, middleY);
    }

    private double gridWidth() {
        return cellWidth * map.columnLabels().size();
    }

    private double gridHeight() {
        return cellHeight * map.rowLabels().size();
    }

    private double place(double value) {
        return (value - map.low()) / (map.high() - map.low());
    }

    private void cells(Graphics2D graphics) {
        boolean numbered = cellWidth >= 30 && cellHeight >= LEAST_CELL;
        Font small = ChartLook.font(Font.PLAIN, 10);
        FontMetrics digits = graphics.getFontMetrics(small);
        boolean gridded = cellWidth >= 6 && cellHeight >= 6;
        graphics.setFont(small);
        for (int r = 0; r < map.rowLabels().size(); r++) {
            for (int c = 0; c < map.columnLabels().size(); c++) {
                double value = map.values()[r][c];
                Color ground = map.palette().at(place(value));
                double x = left + c * cellWidth;
                double y = top + r * cellHeight;
                // whole points, so that neighbours meet without a seam
                double x0 = Math.rint(x);
                double y0 = Math.rint(y);
                double gap = gridded ? 1 : 0;
                graphics.setColor(ground);
                graphics.fill(new Rectangle2D.Double(
                        x0, y0, Math.rint(x + cellWidth) - x0 - gap, Math.rint(y + cellHeight) - y0 - gap));
                if (numbered && Double.isFinite(value)) {
                    String text = number(value);
                    graphics.setColor(Palette.inkOn(ground));
                    graphics.drawString(text, (float) (x + (cellWidth - gap - digits.stringWidth(text)) / 2), (float)
                            (y + (cellHeight - gap + digits.getAscent() - digits.getDescent()) / 2));
                }
            }
        }
    }

    private String number(double value) {
        double reach = Math.max(Math.abs(map.low()), Math.abs(map.high()));
        int decimals = reach >= 100 ? 0 : reach >= 10 ? 1 : 2;
        String text = String.format(Locale.ROOT, "%." + decimals + "f", value);
        return text.replaceFirst("^(-?)0\\.", "$1.");
    }

    private void rowLabels(Graphics2D graphics) {
        graphics.setFont(labelFont);
        graphics.setColor(INK);
        for (int r = first(map.rowLabels(), rowStep); r < map.rowLabels().size(); r += rowStep) {
            String text = shown(map.rowLabels().get(r));
            double y = top + (r + 0.5) * cellHeight + (labels.getAscent() - labels.getDescent()) / 2.0;
            graphics.drawString(text, (float) (left - 6 - labels.stringWidth(text)), (float) y);
        }
    }

    private void columnLabels(Graphics2D graphics) {
        graphics.setFont(labelFont);
        graphics.setColor(INK);
        double below = top + gridHeight();
        for (int c = first(map.columnLabels(), columnStep);
                c < map.columnLabels().size();
                c += columnStep) {
            String text = shown(map.columnLabels().get(c));
            double middle = left + (c + 0.5) * cellWidth;
            if (upright) {
                graphics.drawString(text, (float) (middle - labels.stringWidth(text) / 2.0), (float) below + 15);
            } else {
                double x = middle + (labels.getAscent() - labels.getDescent()) / 2.0;
                turned(graphics, text, x, below + 6 + labels.stringWidth(text));
            }
        }
    }

    // Labels that count are shown at round numbers, others as densely as they fit.
    private static int step(List<String> texts, double cell, double needed) {
        double least = Math.max(1, Math.ceil(needed / cell));
        return (int) (Ticks.countsFrom(texts) >= 0 ? Ticks.step(least) : least);
    }

    private static int first(List<String> texts, int step) {
        int from = Ticks.countsFrom(texts);
        return from < 0 ? 0 : Math.min((step - from % step) % step, texts.size() - 1);
    }

    private static void turned(Graphics2D graphics, String text, double x, double y) {
        AffineTransform kept = graphics.getTransform();
        graphics.rotate(-Math.PI / 2, x, y);
        graphics.drawString(text, (float) x, (float) y);
        graphics.setTransform(kept);
    }

    private void bar(Graphics2D graphics) {
        double x = left + gridWidth() + 14;
        double length = Math.max(gridHeight(), 120);
        for (int i = 0; i < length; i++) {
            graphics.setColor(map.palette().at(1 - i / (length - 1)));
            graphics.fill(new Rectangle2D.Double(x, top + i, BAR_WIDTH, Math.min(1.5, length - i)));
        }
        graphics.setFont(labelFont);
        graphics.setColor(INK);
        double[] ticks = Ticks.between(map.low(), map.high(), TICKS);
        for (double value : ticks) {
            double y = top + length * (1 - place(value));
            float baseline = (float) Math.max(
                    top + labels.getAscent() - 2,
                    Math.min(top + length, y + (labels.getAscent() - labels.getDescent()) / 2.0));
            graphics.drawString(Numbers.tick(value), (float) x + BAR_WIDTH + 5, baseline);
        }
        graphics.setFont(axisFont);
        double half = graphics.getFontMetrics(axisFont).stringWidth(map.unit()) / 2.0;
        turned(graphics, map.unit(), x + BAR_WIDTH + 48, top + length / 2 + half);
    }
}
