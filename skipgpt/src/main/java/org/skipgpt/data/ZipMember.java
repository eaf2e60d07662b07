package org.skipgpt.data;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.skipgpt.report.WholeFile;

/** Takes one named file out of a zip archive; names inside the archive are compared, never used as paths. */
final class ZipMember {
    /** More than any data set here unpacks to; a longer member is taken for a malicious one. */
    private static final long LONGEST = 1L << 34;

    private ZipMember() {}

    /**
     * Writes a member to a place, which then holds all of it or is not there.
     *
     * @throws DataException if the archive is none, lacks the member, or the member is longer than 16 GiB or damaged
     */
    static void unpack(Path archive, String member, Path target) {
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            ZipEntry entry = Optional.ofNullable(zip.getEntry(member))
                    .orElseThrow(() -> new DataException(archive + " has no member \"" + member + "\"; it has "
                            + zip.stream().limit(12).map(ZipEntry::getName).collect(Collectors.joining(", "))));
            Files.createDirectories(target.toAbsolutePath().getParent());
            Path whole = WholeFile.temporary(target);
            try (InputStream in = zip.getInputStream(entry);
                    OutputStream out = Files.newOutputStream(whole)) {
                long sum = copy(in, out, archive + ": " + member);
                out.close();
                // the JDK compares sums where it reads a zip as a stream only, not here
                if (sum != entry.getCrc()) {
                    throw new DataException(archive + ": " + member + " has another sum than the archive says (CRC-32 "
                            + Long.toHexString(sum) + " for " + Long.toHexString(entry.getCrc())
                            + "); delete the archive and fetch it again");
                }
                WholeFile.move(whole, target);
            } finally {
                Files.deleteIfExists(whole);
            }
        } catch (IOException e) {
            throw new DataException(
                    member + " cannot be taken out of " + archive + ": " + e.getMessage()
                            + "; delete the archive and fetch it again",
                    e);
        }
    }

    private static long copy(InputStream in, OutputStream out, String what) throws IOException {
        byte[] buffer = new byte[1 << 16];
        CRC32 sum = new CRC32();
        long done = 0;
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            done += read;
            if (done > LONGEST) {
                throw new DataException(what + " unpacks to more than " + LONGEST + " bytes; it is not what it says");
            }
            sum.update(buffer, 0, read);
            out.write(buffer, 0, read);
        }
        return sum.getValue();
    }
}
