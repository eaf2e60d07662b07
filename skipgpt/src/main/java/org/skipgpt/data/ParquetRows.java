package org.skipgpt.data;

import blue.strategic.parquet.ParquetReader;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.ParquetDecodingException;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.MessageType;
import org.jspecify.annotations.Nullable;

/** Rows of a parquet file, with lists and nested records, one row group in memory at a time. */
final class ParquetRows implements RowReader {
    private final String file;
    private final ParquetFileReader in;
    private final MessageType schema;
    private final Consumer<DataFault> faults;
    private @Nullable RecordReader<JsonObject> rows;
    private long left;
    private long row;
    private boolean broken;

    ParquetRows(Path path, Consumer<DataFault> faults) throws IOException {
        file = path.toString();
        this.faults = faults;
        ParquetReadOptions options = ParquetReadOptions.builder()
                .withCodecFactory(new ParquetPages())
                .build();
        in = ParquetFileReader.open(ParquetReader.makeInputFile(path.toFile()), options);
        schema = in.getFooter().getFileMetaData().getSchema();
    }

    @Override
    public Optional<DataRow> next() {
        if (broken) {
            return Optional.empty();
        }
        try {
            RecordReader<JsonObject> current = rows;
            while (current == null || left == 0) {
                PageReadStore pages = in.readNextRowGroup();
                if (pages == null) {
                    return Optional.empty();
                }
                left = pages.getRowCount();
                current = new ColumnIOFactory().getColumnIO(schema).getRecordReader(pages, new ParquetJson(schema));
                rows = current;
            }
            JsonObject fields = current.read();
            left--;
            row++;
            return Optional.of(new DataRow(file, row, fields));
        } catch (IOException | RuntimeException | LinkageError | OutOfMemoryError e) {
            // The library makes arrays as large as counts inside the file say; one that fails leaves the rest as it
            // was.
            broken = true;
            String why = e instanceof ParquetDecodingException && e.getCause() != null
                    ? e.getMessage() + ": " + e.getCause()
                    : e.toString();
            faults.accept(new DataFault(file, row + 1, "parquet cannot be read from here: " + why));
            return Optional.empty();
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
