package org.skipgpt.data;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators.AbstractSpliterator;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;

/**
 * Reads records from files of any size: jsonl, json (an array), csv, parquet and plain text, each but parquet also as
 * .gz and .zst, and folders of such files in the order of their names.
 *
 * <p>Records stream: one is in memory at a time (parquet: one row group). A record that cannot be read is reported
 * with its file and line, and the others are kept.
 *
 * <p>Limits: a record has up to 67,108,864 bytes, a million values and 10,000 columns, a text taken whole up to 268,435,456
 * characters, and neither more than a sixteenth of the heap; a file with 100,000 faulty records is read no further.
 *
 * <pre>{@code
 * try (var rows = DataRows.open(Path.of("piqa.jsonl"), faults::add)) {
 *     rows.forEach(row -> row.text("goal"));
 * }
 * }</pre>
 */
public final class DataRows {
    private static final List<String> ENDINGS =
            List.of(".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".txt", ".text", ".raw", ".tokens", ".md");

    private static final List<String> RECORDS = List.of(".jsonl", ".ndjson", ".json", ".csv", ".parquet");

    /** The one field of plain text's records. */
    static final String PLAIN_FIELD = "text";

    private DataRows() {}

    /** The records of a file or folder; the first fault ends the stream with a DataException. */
    public static Stream<DataRow> open(Path where) {
        return open(where, fault -> {
            throw new DataException(fault + "; mend the file, or give a consumer of faults to go on without it");
        });
    }

    /**
     * The records of a file or folder, plain text line by line. Close the stream to close the file.
     *
     * @param faults takes each record that could not be read
     * @throws DataException if there is no such file or its ending is unknown
     */
    public static Stream<DataRow> open(Path where, Consumer<DataFault> faults) {
        return open(where, TextUnit.LINE, faults);
    }

    /** As above, saying what one text of a plain text file is. */
    public static Stream<DataRow> open(Path where, TextUnit unit, Consumer<DataFault> faults) {
        Consumer<DataFault> counted = counted(faults);
        if (Files.isDirectory(where)) {
            return files(where).stream().flatMap(file -> rows(file, unit, counted));
        }
        if (!Files.isRegularFile(where)) {
            throw new DataException("no data at " + where + ": there is no such file or folder");
        }
        if (!isKnown(where)) {
            throw new DataException(where + " has an unknown ending: expected one of " + ENDINGS
                    + ", each but .parquet also with .gz or .zst");
        }
        return rows(where, unit, counted);
    }

    /**
     * All of a plain text file as it stands, blank lines too; .gz and .zst are unpacked, a byte order mark goes.
     *
     * @throws DataException if it is longer than a text may be
     * @throws java.nio.charset.CharacterCodingException if it is no UTF-8
     */
    public static String text(Path file) throws IOException {
        StringBuilder text = new StringBuilder();
        char[] piece = new char[1 << 16];
        try (Reader in = new InputStreamReader(stream(file), StandardCharsets.UTF_8.newDecoder())) {
            for (int read = in.read(piece); read >= 0; read = in.read(piece)) {
                if (read > DataLimits.TEXT - text.length()) {
                    throw new DataException(file + " is longer than " + DataLimits.TEXT
                            + " characters; take a part of it, or give the JVM more memory (-Xmx) where there is more");
                }
                text.append(piece, 0, read);
            }
        }
        return text.length() > 0 && text.charAt(0) == '\ufeff' ? text.substring(1) : text.toString();
    }

    // Faults are kept by most callers, and a small packed file can hold any number of them.
    static Consumer<DataFault> counted(Consumer<DataFault> faults) {
        AtomicInteger count = new AtomicInteger();
        return fault -> {
            faults.accept(fault);
            if (count.incrementAndGet() >= DataLimits.FAULTS) {
                throw new DataException(fault + "; this is faulty record number " + DataLimits.FAULTS
                        + ", so the rest is not read: is it the right file?");
            }
        };
    }

    /**
     * The files of a folder that would be read, by name; hidden files are left out. Links are followed: what the hub's cache
     * calls a file is a link to it.
     */
    public static List<Path> files(Path folder) {
        try (Stream<Path> all = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            List<Path> found = all.filter(file -> !isHidden(folder.relativize(file)))
                    .filter(Files::isRegularFile)
                    .filter(DataRows::isKnown)
                    .sorted()
                    .toList();
            if (found.isEmpty()) {
                throw new DataException("no data in " + folder + ": expected files ending in " + ENDINGS);
            }
            return found;
        } catch (IOException | UncheckedIOException e) {
            throw new DataException(folder + " cannot be listed: " + e.getMessage(), e);
        }
    }

    private static boolean isHidden(Path relative) {
        for (Path part : relative) {
            if (part.toString().startsWith(".")) {
                return true;
            }
        }
        return false;
    }

    private static String ending(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        String plain = name.replaceFirst("\\.(gz|zst)$", "");
        int dot = plain.lastIndexOf('.');
        return dot < 0 ? "" : plain.substring(dot);
    }

    private static boolean isKnown(Path file) {
        return ENDINGS.contains(ending(file));
    }

    /** Whether a file's ending says text, not records; capitals and .gz or .zst behind it do not matter. */
    public static boolean isPlain(Path file) {
        return !RECORDS.contains(ending(file));
    }

    private static Stream<DataRow> rows(Path file, TextUnit unit, Consumer<DataFault> faults) {
        RowReader reader = reader(file, unit, faults);
        Spliterator<DataRow> rows =
                new AbstractSpliterator<>(Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.NONNULL) {
                    @Override
                    public boolean tryAdvance(Consumer<? super DataRow> action) {
                        Optional<DataRow> row = reader.next();
                        row.ifPresent(action);
                        return row.isPresent();
                    }
                };
        return StreamSupport.stream(rows, false).onClose(() -> close(reader));
    }

    private static void close(RowReader reader) {
        try {
            reader.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RowReader reader(Path file, TextUnit unit, Consumer<DataFault> faults) {
        String name = file.toString();
        String ending = ending(file);
        try {
            if (ending.equals(".parquet")) {
                return parquet(file, faults);
            }
            InputStream in = stream(file);
            return switch (ending) {
                case ".jsonl", ".ndjson" -> new JsonLinesReader(name, in, faults);
                case ".json" -> new JsonArrayReader(name, in, faults);
                case ".csv" -> new CsvReader(name, in, faults);
                default -> new PlainReader(name, in, unit, faults);
            };
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            // A damaged parquet file may ask for an array of any size before its first row.
            throw new DataException(file + " cannot be opened: " + e, e);
        }
    }

    private static RowReader parquet(Path file, Consumer<DataFault> faults) throws IOException {
        try {
            return new ParquetRows(file, faults);
        } catch (NoClassDefFoundError e) {
            throw new DataException(
                    "parquet files need the library blue.strategic.parquet:parquet-floor on the class path; add it, or"
                            + " convert " + file + " to jsonl",
                    e);
        }
    }

    private static InputStream stream(Path file) throws IOException {
        String name = Objects.toString(file.getFileName()).toLowerCase(Locale.ROOT);
        InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
        try {
            if (name.endsWith(".gz")) {
                return new GZIPInputStream(raw, 1 << 16);
            }
            return name.endsWith(".zst") ? new ZstdInputStream(raw).setContinuous(false) : raw;
        } catch (IOException | RuntimeException e) {
            raw.close();
            throw e;
        }
    }
}
