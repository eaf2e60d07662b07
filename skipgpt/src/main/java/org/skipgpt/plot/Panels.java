package org.skipgpt.plot;

import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.skipgpt.report.Column;
import org.skipgpt.report.Figure;
import org.skipgpt.report.TextTable;

/**
 * Several figures in one picture, row by row.
 *
 * @param title over the numbers; the pictures carry their own
 * @param columns figures beside each other, 1 and more
 * @param parts the figures; each must have a picture
 */
public record Panels(String title, int columns, List<Figure> parts) implements Figure {
    /** Copies the list and checks that there is something to show. */
    public Panels {
        parts = List.copyOf(parts);
        if (parts.isEmpty() || columns < 1) {
            throw new IllegalArgumentException(
                    parts.size() + " figures in " + columns + " columns: expected at least one figure and one column");
        }
    }

    /** Figures beside and below each other. */
    public static Panels of(String title, int columns, List<Figure> parts) {
        return new Panels(title, columns, parts);
    }

    /** Where each part begins, and the size of the whole as the last entry. */
    private int[][] places(int[][] sizes) {
        int[][] places = new int[sizes.length + 1][];
        int top = 0;
        int width = 0;
        for (int from = 0; from < sizes.length; from += columns) {
            int left = 0;
            int height = 0;
            for (int i = from; i < Math.min(sizes.length, from + columns); i++) {
                places[i] = new int[] {left, top};
                left += sizes[i][0];
                height = Math.max(height, sizes[i][1]);
            }
            width = Math.max(width, left);
            top += height;
        }
        places[sizes.length] = new int[] {width, top};
        return places;
    }

    @Override
    public Optional<byte[]> png() {
        List<byte[]> pictures = new ArrayList<>();
        for (Figure part : parts) {
            Optional<byte[]> picture = part.png();
            if (picture.isEmpty()) {
                return Optional.empty();
            }
            pictures.add(picture.get());
        }
        return Optional.of(Pictures.png(() -> drawing(pictures)));
    }

    private Drawing drawing(List<byte[]> pictures) {
        List<BufferedImage> images = pictures.stream().map(Panels::read).toList();
        int[][] places = places(images.stream()
                .map(image -> new int[] {image.getWidth(), image.getHeight()})
                .toArray(int[][]::new));
        int[] whole = places[images.size()];
        PictureSize size = new PictureSize(whole[0], whole[1], 1);
        return new Drawing(size, title, graphics -> draw(graphics, images, places));
    }

    private static void draw(Graphics2D graphics, List<BufferedImage> images, int[][] places) {
        for (int i = 0; i < images.size(); i++) {
            graphics.drawImage(images.get(i), places[i][0], places[i][1], null);
        }
    }

    private static BufferedImage read(byte[] picture) {
        try {
            return ImageIO.read(new ByteArrayInputStream(picture));
        } catch (IOException e) {
            throw new UncheckedIOException("a picture could not be read back", e);
        }
    }

    @Override
    public Optional<String> svg() {
        List<String> pictures = new ArrayList<>();
        for (Figure part : parts) {
            Optional<String> picture = part.svg();
            if (picture.isEmpty()) {
                return Optional.empty();
            }
            pictures.add(picture.get());
        }
        int[][] places = places(pictures.stream().map(Panels::size).toArray(int[][]::new));
        int[] whole = places[pictures.size()];
        StringBuilder out = new StringBuilder(String.format(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
                whole[0], whole[1], whole[0], whole[1]));
        for (int i = 0; i < pictures.size(); i++) {
            String inner = pictures.get(i).substring(pictures.get(i).indexOf("<svg"));
            // ids of clip paths and titles must stay apart
            out.append(String.format("<g transform=\"translate(%d %d)\">", places[i][0], places[i][1]))
                    .append(inner.replaceAll("\\b(id=\"|url\\(#|labelledby=\")", "$1p" + i + "-"))
                    .append("</g>\n");
        }
        return Optional.of(out.append("</svg>\n").toString());
    }

    private static int[] size(String svg) {
        return new int[] {attribute(svg, "width"), attribute(svg, "height")};
    }

    private static int attribute(String svg, String name) {
        int from = svg.indexOf(name + "=\"", svg.indexOf("<svg")) + name.length() + 2;
        return (int) Math.ceil(Double.parseDouble(svg.substring(from, svg.indexOf('"', from))));
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder();
        parts.forEach(
                part -> out.append(part.text().lines().findFirst().orElse("")).append('\n'));
        return out.toString().strip();
    }

    /** The numbers of all parts: a row each, with the part's title first. */
    @Override
    public TextTable data() {
        TextTable.Builder table = TextTable.builder(
                title,
                List.of(Column.text("figure"), Column.number("row", 0), Column.text("column"), Column.text("value")));
        for (Figure part : parts) {
            TextTable numbers = part.data();
            for (int r = 0; r < numbers.rows().size(); r++) {
                for (int c = 0; c < numbers.columns().size(); c++) {
                    String value = numbers.rows().get(r).cells().get(c).toString();
                    table.add(part.title(), r, numbers.columns().get(c).name(), value);
                }
            }
        }
        return table.build();
    }

    @Override
    public String toString() {
        return text();
    }
}
