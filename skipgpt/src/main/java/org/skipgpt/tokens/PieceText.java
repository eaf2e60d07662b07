package org.skipgpt.tokens;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * Pieces of any vocabulary in one readable spelling: spaces as ▁, line ends as ↵, other controls and the bytes of a
 * character that is spread over several pieces as {@code <0xE2>}.
 */
final class PieceText {
    private static final Pattern BYTE = Pattern.compile("<0x([0-9A-Fa-f]{2})>");

    private PieceText() {}

    /** A piece of a vocabulary that spells characters. */
    static String of(String piece) {
        var single = BYTE.matcher(piece);
        if (single.matches()) {
            return of(new byte[] {(byte) Integer.parseInt(single.group(1), 16)});
        }
        StringBuilder out = new StringBuilder();
        piece.codePoints().forEach(c -> append(out, c));
        return out.toString();
    }

    /** A piece of a vocabulary that spells bytes. */
    static String of(byte[] piece) {
        try {
            return of(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(piece))
                    .toString());
        } catch (CharacterCodingException e) { // a part of a character
            StringBuilder out = new StringBuilder();
            for (byte b : piece) {
                if (b >= 0) {
                    append(out, b);
                } else {
                    out.append(hex(b));
                }
            }
            return out.toString();
        }
    }

    private static void append(StringBuilder out, int character) {
        if (character == ' ') {
            out.append(SentencePieceModel.SPACE_MARK);
        } else if (character == '\n') {
            out.append('↵');
        } else if (Character.isISOControl(character)) {
            out.append(hex(character));
        } else {
            out.appendCodePoint(character);
        }
    }

    private static String hex(int value) {
        return String.format("<0x%02X>", value & 0xFF);
    }
}
