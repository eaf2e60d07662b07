package org.skipgpt.tokens;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * GPT-2's spelling of bytes as printable letters, one letter a byte: printable Latin-1 stands for itself, the 68 other
 * bytes are U+0100, U+0101, ... in order; so a space is {@code Ġ}.
 */
final class ByteLetters {
    private static final char[] LETTERS = new char[256];
    private static final int[] BYTES = new int[256 + 68];

    static {
        Arrays.fill(BYTES, -1);
        char next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            LETTERS[b] = printable ? (char) b : next++;
            BYTES[LETTERS[b]] = b;
        }
    }

    private ByteLetters() {}

    static String spell(byte[] bytes) {
        char[] letters = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            letters[i] = LETTERS[bytes[i] & 0xFF];
        }
        return new String(letters);
    }

    /** The bytes of a spelling; a text that is none (an added token) is taken as it stands. */
    static byte[] bytes(String letters) {
        byte[] bytes = new byte[letters.length()];
        for (int i = 0; i < bytes.length; i++) {
            char letter = letters.charAt(i);
            if (letter >= BYTES.length || BYTES[letter] < 0) {
                return letters.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = (byte) BYTES[letter];
        }
        return bytes;
    }
}
