package org.skipgpt.io;

/** Checks that a wanted piece lies inside a tensor. */
final class PieceCheck {
    private PieceCheck() {}

    static void check(TensorInfo info, long from, int length) {
        if (from < 0 || length < 1 || from > info.byteSize() - length) {
            throw new IndexOutOfBoundsException("Tensor " + info + " has " + info.byteSize() + " bytes; " + length
                    + " bytes from byte " + from + " are not inside it. Ask for 1.." + info.byteSize()
                    + " bytes within it.");
        }
    }
}
