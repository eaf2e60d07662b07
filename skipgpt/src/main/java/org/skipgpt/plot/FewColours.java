package org.skipgpt.plot;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A picture in at most 256 colours, which makes charts a third the size: exact where that is enough, else the commonest
 * colours with the others moved to the nearest.
 */
final class FewColours {
    private static final int MOST = 256;
    private static final int COARSE = 0xF8F8F8; // 5 bits a channel

    private FewColours() {}

    static BufferedImage of(BufferedImage image) {
        int[] pixels = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
        Map<Integer, Integer> counts = new HashMap<>();
        for (int pixel : pixels) {
            counts.merge(pixel & 0xFFFFFF, 1, Integer::sum);
        }
        List<Integer> palette = palette(counts);
        Map<Integer, Byte> index = new HashMap<>();
        for (Integer colour : counts.keySet()) {
            index.put(colour, (byte) nearest(palette, colour));
        }
        BufferedImage few =
                new BufferedImage(image.getWidth(), image.getHeight(), BufferedImage.TYPE_BYTE_INDEXED, model(palette));
        byte[] row = new byte[image.getWidth()];
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < row.length; x++) {
                row[x] = index.getOrDefault(pixels[y * row.length + x] & 0xFFFFFF, (byte) 0);
            }
            few.getRaster().setDataElements(0, y, row.length, 1, row);
        }
        return few;
    }

    // The commonest exact colour of each coarse bin, so that grounds and full tones stay as they are.
    private static List<Integer> palette(Map<Integer, Integer> counts) {
        Comparator<Integer> byCount = Comparator.comparing((Integer colour) -> -counts.getOrDefault(colour, 0));
        List<Integer> colours = new ArrayList<>(counts.keySet());
        colours.sort(byCount.thenComparing(Comparator.naturalOrder()));
        if (colours.size() <= MOST) {
            return colours;
        }
        Map<Integer, Integer> bins = new HashMap<>();
        colours.forEach(colour -> bins.putIfAbsent(colour & COARSE, colour));
        List<Integer> chosen = new ArrayList<>(bins.values());
        chosen.sort(byCount.thenComparing(Comparator.naturalOrder()));
        return chosen.subList(0, Math.min(MOST, chosen.size()));
    }

    private static int nearest(List<Integer> palette, int colour) {
        int best = 0;
        int least = Integer.MAX_VALUE;
        for (int i = 0; i < palette.size(); i++) {
            int other = palette.get(i);
            int red = (colour >> 16) - (other >> 16);
            int green = (colour >> 8 & 0xFF) - (other >> 8 & 0xFF);
            int blue = (colour & 0xFF) - (other & 0xFF);
            int distance = red * red + green * green + blue * blue;
            if (distance < least) {
                least = distance;
                best = i;
            }
        }
        return best;
    }

    private static IndexColorModel model(List<Integer> palette) {
        byte[] red = new byte[palette.size()];
        byte[] green = new byte[palette.size()];
        byte[] blue = new byte[palette.size()];
        for (int i = 0; i < red.length; i++) {
            int colour = palette.get(i);
            red[i] = (byte) (colour >> 16);
            green[i] = (byte) (colour >> 8);
            blue[i] = (byte) colour;
        }
        return new IndexColorModel(8, red.length, red, green, blue);
    }
}
