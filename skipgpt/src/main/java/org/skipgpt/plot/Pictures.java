package org.skipgpt.plot;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Consumer;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.knowm.xchart.internal.chartpart.Chart;

/** Turns drawing into files: one drawing, PNG or SVG. */
final class Pictures {
    private Pictures() {}

    static byte[] png(PictureSize size, Consumer<Graphics2D> drawing) {
        BufferedImage image = new BufferedImage(
                size.width() * size.scale(), size.height() * size.scale(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
            graphics.scale(size.scale(), size.scale());
            smooth(graphics);
            drawing.accept(graphics);
        } finally {
            graphics.dispose();
        }
        return encode(image);
    }

    static String svg(PictureSize size, String title, Consumer<Graphics2D> drawing) {
        SvgGraphics graphics = new SvgGraphics(size.width(), size.height(), title);
        drawing.accept(graphics);
        return graphics.document();
    }

    static byte[] png(PictureSize size, Chart<?, ?> chart) {
        return png(size, graphics -> chart.paint(graphics, size.width(), size.height()));
    }

    static String svg(PictureSize size, String title, Chart<?, ?> chart) {
        return svg(size, title, graphics -> chart.paint(graphics, size.width(), size.height()));
    }

    static void smooth(Graphics2D graphics) {
        graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
        graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    }

    private static byte[] encode(BufferedImage image) {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageWriteParam strongest = writer.getDefaultWriteParam();
            strongest.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            strongest.setCompressionQuality(0);
            writer.setOutput(out);
            writer.write(null, new IIOImage(FewColours.of(image), null, null), strongest);
        } catch (IOException e) {
            throw new UncheckedIOException("a picture could not be encoded", e);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }
}
