package org.skipgpt.plot;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Supplier;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Turns drawings into files, PNG or SVG; an interrupt of the caller meanwhile is neither lost nor does it harm them. */
final class Pictures {
    private Pictures() {}

    /**
     * A picture as PNG.
     *
     * @param drawing lays out what to draw; measuring text is drawing, too
     */
    static byte[] png(Supplier<Drawing> drawing) {
        return Undisturbed.get(() -> encode(pixels(drawing.get())));
    }

    /** A picture as SVG. */
    static String svg(Supplier<Drawing> drawing) {
        return Undisturbed.get(() -> {
            Drawing drawn = drawing.get();
            SvgGraphics graphics =
                    new SvgGraphics(drawn.size().width(), drawn.size().height(), drawn.title());
            drawn.pen().accept(graphics);
            return graphics.document();
        });
    }

    private static BufferedImage pixels(Drawing drawing) {
        PictureSize size = drawing.size();
        BufferedImage image = new BufferedImage(
                size.width() * size.scale(), size.height() * size.scale(), BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
            graphics.scale(size.scale(), size.scale());
            smooth(graphics);
            drawing.pen().accept(graphics);
        } finally {
            graphics.dispose();
        }
        return image;
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
