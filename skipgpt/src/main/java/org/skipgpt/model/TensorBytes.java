package org.skipgpt.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorInfo;
import org.skipgpt.io.TensorSource;

/** Widens stored numbers to fp32, a piece at a time. */
final class TensorBytes {
    private TensorBytes() {}

    /** Bytes an element of a stored format takes. */
    static int width(TensorInfo info) {
        switch (info.format()) {
            case "F32":
                return 4;
            case "F16":
            case "BF16":
                return 2;
            default:
                throw new CheckpointException("tensor " + info.name() + " is stored as " + info.format()
                        + "; weights may be F32, F16 or BF16: convert the checkpoint first");
        }
    }

    /** Elements from..from+target.remaining() of a tensor, as fp32, into a direct buffer that is then rewound. */
    static void widen(TensorSource source, TensorInfo info, long from, FloatBuffer target) {
        int width = width(info);
        int count = target.remaining();
        ByteBuffer bytes =
                source.bytes(info.name(), from * width, count * width).order(ByteOrder.LITTLE_ENDIAN);
        if (width == 4) {
            target.put(bytes.asFloatBuffer());
        } else {
            var shorts = bytes.asShortBuffer();
            boolean bf16 = info.format().equals("BF16");
            for (int i = 0; i < count; i++) {
                short bits = shorts.get(i);
                target.put(bf16 ? Float.intBitsToFloat(bits << 16) : halfToFloat(bits));
            }
        }
        target.rewind();
    }

    /** IEEE half to single precision. */
    static float halfToFloat(short half) {
        int sign = (half & 0x8000) << 16;
        int exponent = (half >>> 10) & 31;
        int fraction = half & 0x3ff;
        if (exponent == 0) {
            float value = fraction * 0x1p-24f;
            return sign == 0 ? value : -value;
        }
        int wide = exponent == 31 ? 255 : exponent + 112;
        return Float.intBitsToFloat(sign | wide << 23 | fraction << 13);
    }

    /** Single precision to bfloat16 bits, rounding to nearest even. */
    static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (Float.isNaN(value)) {
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
