package org.skipgpt.tokens;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.skipgpt.data.DataException;
import org.skipgpt.io.BoundedFile;

/**
 * What a SentencePiece file says: the pieces and how text is prepared for them.
 *
 * <p>Reads the protocol buffer of {@code .model} files and the short form of llama2.c ({@code .bin}: int32 longest
 * piece, then float32 score, int32 length, bytes per piece).
 *
 * @param addsSpace whether a space goes before every text
 * @param trimsSpaces whether runs of spaces become one and the ends are cut
 */
public record SentencePieceModel(
        List<Piece> pieces, int unknown, int bos, int eos, boolean addsSpace, boolean trimsSpaces) {
    /** What a piece is for; in the order of the file format's numbers 1..6. */
    enum Kind {
        NORMAL,
        UNKNOWN,
        CONTROL,
        USER_DEFINED,
        UNUSED,
        BYTE
    }

    /** One entry of the vocabulary; a higher score is joined first. */
    record Piece(String text, float score, Kind kind) {
        Piece {
            if (kind == Kind.BYTE && !text.matches("<0x[0-9A-Fa-f]{2}>")) {
                throw new IllegalArgumentException("byte piece \"" + text + "\", allowed is the form <0x0A>");
            }
        }

        int byteCode() {
            return Integer.parseInt(text.substring(3, 5), 16);
        }

        // If ▁ only ever leads a piece, no join crosses the start of a run of ▁ and words can be encoded one by one.
        boolean marksLeadOnly() {
            int lead = 0;
            while (lead < text.length() && text.charAt(lead) == SPACE_MARK) {
                lead++;
            }
            return text.indexOf(SPACE_MARK, lead) < 0;
        }
    }

    static final char SPACE_MARK = '\u2581';
    private static final int BPE = 2;
    private static final int LONGEST_PIECE = 1 << 16;
    private static final int MOST_PIECES = 1 << 21;

    /** Order of joining by id, best score first; equal scores share a rank, and the leftmost pair goes first. */
    public int[] ranks() {
        float[] order = new float[pieces.size()];
        for (int i = 0; i < order.length; i++) {
            order[i] = 0 - pieces.get(i).score(); // one zero, not two
        }
        Arrays.sort(order);
        Map<Float, Integer> first = new HashMap<>();
        for (int i = 0; i < order.length; i++) {
            first.putIfAbsent(order[i], i);
        }
        int[] ranks = new int[order.length];
        for (int i = 0; i < ranks.length; i++) {
            ranks[i] = first.getOrDefault(0 - pieces.get(i).score(), i);
        }
        return ranks;
    }

    public static SentencePieceModel read(Path file) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(BoundedFile.bytes(file, BoundedFile.MOST_BYTES, DataException::new))
                    .order(ByteOrder.LITTLE_ENDIAN);
            return file.toString().endsWith(".bin") ? readBin(file, bytes) : readProto(file, bytes);
        } catch (BufferUnderflowException | IllegalArgumentException e) {
            throw new DataException(
                    file + " is not a whole SentencePiece file (" + e + "); expected a .model protocol buffer or a"
                            + " llama2.c .bin; copy the file again",
                    e);
        }
    }

    private static SentencePieceModel readBin(Path file, ByteBuffer in) {
        int longest = in.getInt();
        if (longest < 1 || longest > LONGEST_PIECE) {
            throw new IllegalArgumentException("longest piece " + longest + ", allowed 1.." + LONGEST_PIECE);
        }
        List<Piece> pieces = new ArrayList<>();
        while (in.hasRemaining()) {
            float score = in.getFloat();
            String text = string(in, in.getInt());
            pieces.add(counted(pieces, binPiece(pieces.size(), text, score)));
        }
        if (pieces.size() < 3) {
            throw new DataException(file + " holds " + pieces.size() + " pieces; expected at least 3");
        }
        return new SentencePieceModel(List.copyOf(pieces), 0, 1, 2, true, false);
    }

    private static Piece counted(List<Piece> before, Piece piece) {
        if (before.size() == MOST_PIECES) {
            throw new IllegalArgumentException("more than " + MOST_PIECES + " pieces");
        }
        if (!Float.isFinite(piece.score())) {
            throw new IllegalArgumentException("piece " + before.size() + " has the score " + piece.score());
        }
        return piece;
    }

    // The short form drops the kinds: 0 is unknown, 1 and 2 are the marks, <0x00>..<0xFF> follow by convention.
    private static Piece binPiece(int id, String text, float score) {
        if (id == 0) {
            return new Piece(text.strip(), score, Kind.UNKNOWN);
        }
        if (id <= 2) {
            return new Piece(text.strip(), score, Kind.CONTROL);
        }
        boolean isByte = id < 259 && text.matches("<0x[0-9A-F]{2}>");
        return isByte
                ? new Piece(text, score, Kind.BYTE)
                : new Piece(text.replace(' ', SPACE_MARK), score, Kind.NORMAL);
    }

    private static SentencePieceModel readProto(Path file, ByteBuffer in) {
        List<Piece> pieces = new ArrayList<>();
        Trainer trainer = new Trainer(1, 0, 1, 2, false);
        Normalizer normalizer = new Normalizer(false, true, true, true);
        while (in.hasRemaining()) {
            long tag = varint(in);
            int field = (int) (tag >>> 3);
            if (field >= 1 && field <= 3 && (tag & 7) == 2) {
                ByteBuffer part = part(in, varint(in));
                if (field == 1) {
                    pieces.add(counted(pieces, piece(part)));
                } else if (field == 2) {
                    trainer = trainer(part);
                } else {
                    normalizer = normalizer(part);
                }
            } else {
                skip(in, tag);
            }
        }
        check(file, pieces, trainer, normalizer);
        return new SentencePieceModel(
                List.copyOf(pieces),
                trainer.unknown,
                trainer.bos,
                trainer.eos,
                normalizer.addsSpace,
                normalizer.trimsSpaces);
    }

    private static void check(Path file, List<Piece> pieces, Trainer trainer, Normalizer normalizer) {
        String fault = "";
        if (pieces.isEmpty() || trainer.unknown < 0 || trainer.unknown >= pieces.size()) {
            fault = "no usable pieces";
        } else if (trainer.type != BPE) {
            fault = "model type " + trainer.type + " (1 unigram, 3 word, 4 char); only 2 (BPE) is read";
        } else if (normalizer.hasCharacterMap) {
            fault = "a character map for normalization; only identity is read";
        } else if (!normalizer.escapesSpaces || trainer.spaceIsSuffix) {
            fault = "unusual handling of spaces";
        }
        if (!fault.isEmpty()) {
            throw new DataException(file + " has " + fault + "; use the model's tokenizer.json instead");
        }
    }

    private record Trainer(int type, int unknown, int bos, int eos, boolean spaceIsSuffix) {}

    private record Normalizer(boolean hasCharacterMap, boolean addsSpace, boolean trimsSpaces, boolean escapesSpaces) {}

    private static Piece piece(ByteBuffer in) {
        String text = "";
        float score = 0;
        int kind = 1;
        while (in.hasRemaining()) {
            long tag = varint(in);
            if (tag == (1 << 3 | 2)) {
                text = string(in, varint(in));
            } else if (tag == (2 << 3 | 5)) {
                score = in.getFloat();
            } else if (tag == 3 << 3) {
                kind = (int) varint(in);
            } else {
                skip(in, tag);
            }
        }
        if (kind < 1 || kind > Kind.values().length) {
            throw new IllegalArgumentException("piece kind " + kind + ", allowed 1..6");
        }
        return new Piece(text, score, Kind.values()[kind - 1]);
    }

    private static Trainer trainer(ByteBuffer in) {
        int type = 1;
        int unknown = 0;
        int bos = 1;
        int eos = 2;
        boolean suffix = false;
        while (in.hasRemaining()) {
            long tag = varint(in);
            int field = (tag & 7) == 0 ? (int) (tag >>> 3) : 0;
            if (field == 3) {
                type = (int) varint(in);
            } else if (field == 24) {
                suffix = varint(in) != 0;
            } else if (field == 40) {
                unknown = (int) varint(in);
            } else if (field == 41) {
                bos = (int) varint(in);
            } else if (field == 42) {
                eos = (int) varint(in);
            } else {
                skip(in, tag);
            }
        }
        return new Trainer(type, unknown, bos, eos, suffix);
    }

    private static Normalizer normalizer(ByteBuffer in) {
        boolean map = false;
        boolean[] flags = {true, true, true};
        while (in.hasRemaining()) {
            long tag = varint(in);
            int field = (int) (tag >>> 3);
            if (tag == (2 << 3 | 2)) {
                map = part(in, varint(in)).hasRemaining();
            } else if (field >= 3 && field <= 5 && (tag & 7) == 0) {
                flags[field - 3] = varint(in) != 0;
            } else {
                skip(in, tag);
            }
        }
        return new Normalizer(map, flags[0], flags[1], flags[2]);
    }

    private static long varint(ByteBuffer in) {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte next = in.get();
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException("a number of more than 10 bytes");
    }

    private static ByteBuffer part(ByteBuffer in, long length) {
        if (length < 0 || length > in.remaining()) {
            throw new IllegalArgumentException("a part of " + length + " bytes where " + in.remaining() + " are left");
        }
        ByteBuffer part = in.slice(in.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
        in.position(in.position() + (int) length);
        return part;
    }

    private static String string(ByteBuffer in, long length) {
        return StandardCharsets.UTF_8.decode(part(in, length)).toString();
    }

    private static void skip(ByteBuffer in, long tag) {
        int wire = (int) (tag & 7);
        long length = wire == 1 ? 8 : wire == 5 ? 4 : 0;
        if (wire == 0) {
            varint(in);
        } else if (wire == 2) {
            part(in, varint(in));
        } else if (length > 0) {
            part(in, length);
        } else {
            throw new IllegalArgumentException("wire type " + wire);
        }
    }
}
