package org.skipgpt;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Damages files as disks, networks and hands do: bits, bytes, sizes, cuts, repeats, and other values where one stands. */
public final class Damage {
    private static final List<String> HUGE = List.of(
            "1e999",
            "-1",
            "0",
            "1e308",
            "2147483648",
            "9223372036854775808",
            "2000000000",
            "0.5",
            "null",
            "true",
            "\"\"",
            "\"x\"",
            "[]",
            "{}",
            "[[[[]]]]",
            "NaN",
            "1".repeat(400));
    private static final Pattern VALUE = Pattern.compile("-?[0-9][0-9.eE+-]*|\"[^\"]*\"|true|false|null");

    private Damage() {}

    /** A damaged copy; the same seed gives the same. */
    public static byte[] of(byte[] good, SplittableRandom random) {
        byte[] bytes = good.clone();
        int times = 1 + random.nextInt(3);
        for (int i = 0; i < times && bytes.length > 0; i++) {
            bytes = once(bytes, random);
        }
        return bytes;
    }

    private static byte[] once(byte[] bytes, SplittableRandom random) {
        // headers come first in most formats, so half of the places are there
        int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 400));
        switch (random.nextInt(8)) {
            case 0:
                return Arrays.copyOf(bytes, at);
            case 1:
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                return bytes;
            case 2:
                bytes[at] = (byte) random.nextInt(256);
                return bytes;
            case 3:
                long[] large = {-1, Long.MAX_VALUE, Integer.MAX_VALUE, 1L << 31, 1L << 40, 0, 0x7fffffff00000000L, 1};
                ByteBuffer value = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
                value.putLong(0, large[random.nextInt(large.length)]);
                System.arraycopy(
                        value.array(), 0, bytes, at, Math.min(bytes.length - at, random.nextBoolean() ? 4 : 8));
                return bytes;
            case 4:
                int length = Math.min(bytes.length - at, 1 + random.nextInt(40));
                return joined(Arrays.copyOf(bytes, at), Arrays.copyOfRange(bytes, at + length, bytes.length));
            case 5:
                int again = Math.min(bytes.length - at, 1 + random.nextInt(40));
                return joined(Arrays.copyOf(bytes, at + again), Arrays.copyOfRange(bytes, at, bytes.length));
            default:
                return replaced(bytes, random);
        }
    }

    private static byte[] joined(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    /** Another value, or name, where one stands in the text; for bytes that are no text something like it. */
    private static byte[] replaced(byte[] bytes, SplittableRandom random) {
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        List<MatchResult> places = VALUE.matcher(text).results().limit(20_000).toList();
        if (places.isEmpty()) {
            return bytes;
        }
        MatchResult place = places.get(random.nextInt(places.size()));
        String other = HUGE.get(random.nextInt(HUGE.size()));
        return (text.substring(0, place.start()) + other + text.substring(place.end()))
                .getBytes(StandardCharsets.ISO_8859_1);
    }
}
