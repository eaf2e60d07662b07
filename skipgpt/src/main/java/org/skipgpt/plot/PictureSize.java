package org.skipgpt.plot;

/**
 * How large a picture is.
 *
 * @param width in points, 200..4000
 * @param height in points, 150..8000
 * @param scale pixels per point of a PNG, 1..4; 2 for dense screens and print
 */
public record PictureSize(int width, int height, int scale) {
    /** Checks the ranges. */
    public PictureSize {
        if (width < 200 || width > 4000 || height < 150 || height > 8000 || scale < 1 || scale > 4) {
            throw new IllegalArgumentException("picture of " + width + " x " + height + " at scale " + scale
                    + " is not allowed: expected 200..4000 x 150..8000 at scale 1..4");
        }
    }

    /** 760 x 440 at scale 1: the width of a notebook's output. */
    public static PictureSize defaults() {
        return new PictureSize(760, 440, 1);
    }

    /** The same at another scale. */
    public PictureSize withScale(int newScale) {
        return new PictureSize(width, height, newScale);
    }
}
