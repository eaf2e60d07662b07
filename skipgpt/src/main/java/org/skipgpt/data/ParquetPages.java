package org.skipgpt.data;

import com.github.luben.zstd.ZstdInputStream;
import io.airlift.compress.lz4.Lz4Decompressor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.zip.GZIPInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.xerial.snappy.Snappy;

/**
 * Unpacks the pages of a parquet file: snappy, gzip, zstd and lz4 (raw), each to the size that its page states and no further.
 *
 * <p>The library's own codecs trust sizes inside the packed bytes, so that a page of ten bytes could ask for two gigabytes;
 * those for gzip and lz4 need Hadoop besides.
 */
final class ParquetPages implements CompressionCodecFactory {
    /** The longest page: writers make pages of a megabyte. */
    private static final int LONGEST = DataLimits.TEXT;

    @Override
    public BytesInputCompressor getCompressor(CompressionCodecName codec) {
        throw new UnsupportedOperationException("parquet is read here, not written");
    }

    @Override
    public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
        return new Pages(codec);
    }

    @Override
    public void release() {}

    private record Pages(CompressionCodecName codec) implements BytesInputDecompressor {
        @Override
        public BytesInput decompress(BytesInput bytes, int size) throws IOException {
            if (codec == CompressionCodecName.UNCOMPRESSED) {
                return bytes;
            }
            if (size < 0 || size > LONGEST) {
                throw new IOException("a page says that it unpacks to " + size + " bytes; allowed are 0.." + LONGEST);
            }
            return BytesInput.from(unpacked(bytes.toInputStream().readAllBytes(), size));
        }

        @Override
        public void decompress(ByteBuffer from, int packed, ByteBuffer into, int size) throws IOException {
            byte[] bytes = new byte[packed];
            from.get(bytes);
            into.put(decompress(BytesInput.from(bytes), size).toInputStream().readAllBytes());
        }

        private byte[] unpacked(byte[] packed, int size) throws IOException {
            return switch (codec) {
                case SNAPPY -> snappy(packed, size);
                case LZ4_RAW -> lz4(packed, size);
                case GZIP -> exactly(new GZIPInputStream(new ByteArrayInputStream(packed)), size);
                case ZSTD -> exactly(new ZstdInputStream(new ByteArrayInputStream(packed)), size);
                default ->
                    throw new IOException("its pages are packed with " + codec
                            + "; plain, snappy, gzip, zstd or lz4_raw is read: write it again with one of them");
            };
        }

        private static byte[] snappy(byte[] packed, int size) throws IOException {
            if (Snappy.uncompressedLength(packed) != size) {
                throw wrong(Snappy.uncompressedLength(packed), size);
            }
            return Snappy.uncompress(packed);
        }

        private static byte[] lz4(byte[] packed, int size) throws IOException {
            byte[] out = new byte[size];
            int length = new Lz4Decompressor().decompress(packed, 0, packed.length, out, 0, size);
            if (length != size) {
                throw wrong(length, size);
            }
            return out;
        }

        private static byte[] exactly(InputStream packed, int size) throws IOException {
            try (packed) {
                byte[] out = packed.readNBytes(size);
                if (out.length < size || packed.read() >= 0) {
                    throw wrong(out.length < size ? out.length : size + 1L, size);
                }
                return out;
            }
        }

        private static IOException wrong(long found, int stated) {
            return new IOException("a page unpacks to " + found + " bytes or more and says " + stated);
        }

        @Override
        public void release() {}
    }
}
