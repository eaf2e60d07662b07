package org.skipgpt;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.skipgpt.report.Provenance;

/** Small undamaged files of kinds for which none is at hand. */
final class FuzzBytes {
    private FuzzBytes() {}

    static byte[] of(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] llama2c() {
        // dim 4, hidden 4, 1 layer, 1 head, 1 kvHead, vocab 3, context 2, shared head
        int floats = 3 * 4 + 4 + 4 * 16 + 4 + 3 * 16 + 4 + 2 * 4;
        ByteBuffer out = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
        for (int size : new int[] {4, 4, 1, 1, 1, 3, 2}) {
            out.putInt(size);
        }
        return out.array();
    }

    static byte[] pieces() {
        ByteBuffer out =
                ByteBuffer.allocate(4 + 9 * 300).order(ByteOrder.LITTLE_ENDIAN).putInt(1);
        for (int i = 0; i < 300; i++) {
            out.putFloat(-i).putInt(1).put((byte) ('a' + i % 26));
        }
        return out.array();
    }

    static byte[] tensor() {
        byte[] header =
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   ".getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(16 + header.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .array();
    }

    static byte[] plan() {
        String json = "{\"method\":\"m\",\"layers\":3,\"dropped\":[\"attention 1\",\"mlp 2\"],\"parameterRatio\":0.25,"
                + "\"allParameterRatio\":0.2,\"provenance\":"
                + Provenance.of("x").toJson() + "}";
        return json.getBytes(StandardCharsets.UTF_8);
    }

    static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packed = new GZIPOutputStream(out)) {
            packed.write(bytes);
        }
        return out.toByteArray();
    }

    static byte[] zip(String member, byte[] content) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            zip.putNextEntry(new ZipEntry(member));
            zip.write(content);
        }
        return out.toByteArray();
    }

    /** A model of the sentencepiece library: three marks, and the letters of a few words. */
    static byte[] sentencePieces() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int number = 0;
        for (String piece : List.of("<unk>", "<s>", "</s>", "\u2581", "a", "b", "c", "ab", "\u2581ab", "<0x0A>")) {
            int type = number == 0 ? 2 : number < 3 ? 3 : piece.startsWith("<0x") ? 6 : 1;
            field(out, 1, piece(of(piece), -number, type));
            number++;
        }
        // of the trainer: pairs are merged, and ids of the marks
        field(out, 2, new byte[] {3 << 3, 2, (byte) 0xC0, 2, 0, (byte) 0xC8, 2, 1, (byte) 0xD0, 2, 2});
        return out.toByteArray();
    }

    private static byte[] piece(byte[] text, float score, int type) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        field(out, 1, text);
        out.write(2 << 3 | 5);
        byte[] bits = ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putFloat(score)
                .array();
        out.write(bits, 0, bits.length);
        out.write(3 << 3);
        out.write(type);
        return out.toByteArray();
    }

    private static void field(ByteArrayOutputStream out, int number, byte[] content) {
        out.write(number << 3 | 2);
        out.write(content.length);
        out.write(content, 0, content.length);
    }
}
