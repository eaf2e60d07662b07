package org.skipgpt.data;

import blue.strategic.parquet.ParquetReader;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.Type;
import org.jspecify.annotations.Nullable;

/** Rows of a parquet file, with lists and nested records, one row group in memory at a time. */
final class ParquetRows implements RowReader {
    private final String file;
    private final ParquetFileReader in;
    private final MessageType schema;
    private final Consumer<DataFault> faults;
    private @Nullable RecordReader<Group> rows;
    private long left;
    private long row;
    private boolean broken;

    ParquetRows(Path path, Consumer<DataFault> faults) throws IOException {
        file = path.toString();
        this.faults = faults;
        in = ParquetFileReader.open(ParquetReader.makeInputFile(path.toFile()));
        schema = in.getFooter().getFileMetaData().getSchema();
    }

    @Override
    public Optional<DataRow> next() {
        if (broken) {
            return Optional.empty();
        }
        try {
            RecordReader<Group> current = rows;
            while (current == null || left == 0) {
                PageReadStore pages = in.readNextRowGroup();
                if (pages == null) {
                    return Optional.empty();
                }
                left = pages.getRowCount();
                current = new ColumnIOFactory()
                        .getColumnIO(schema)
                        .getRecordReader(pages, new GroupRecordConverter(schema));
                rows = current;
            }
            left--;
            row++;
            return Optional.of(new DataRow(file, row, object(current.read())));
        } catch (IOException | RuntimeException | LinkageError e) {
            // gzip and brotli pages need codecs that are not on the class path: a linkage error
            broken = true;
            faults.accept(new DataFault(
                    file,
                    row + 1,
                    "parquet cannot be read from here: " + e + "; allowed: plain, snappy or zstd pages"));
            return Optional.empty();
        }
    }

    private static JsonObject object(Group group) {
        JsonObject out = new JsonObject();
        GroupType type = group.getType();
        for (int i = 0; i < type.getFieldCount(); i++) {
            Type field = type.getType(i);
            if (field.isRepetition(Type.Repetition.REPEATED)) {
                JsonArray all = new JsonArray();
                for (int at = 0; at < group.getFieldRepetitionCount(i); at++) {
                    all.add(value(group, i, at));
                }
                out.add(field.getName(), all);
            } else {
                out.add(
                        field.getName(),
                        group.getFieldRepetitionCount(i) == 0 ? JsonNull.INSTANCE : value(group, i, 0));
            }
        }
        return out;
    }

    private static JsonElement value(Group group, int field, int at) {
        Type type = group.getType().getType(field);
        if (type.isPrimitive()) {
            return primitive(group, field, at, type);
        }
        Group inner = group.getGroup(field, at);
        if (!(type.getLogicalTypeAnnotation() instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation)) {
            return object(inner);
        }
        // a list is written as a repeated group of one element each
        JsonArray out = new JsonArray();
        for (int i = 0; i < inner.getFieldRepetitionCount(0); i++) {
            Type repeated = inner.getType().getType(0);
            if (repeated.isPrimitive()) {
                out.add(value(inner, 0, i));
            } else {
                Group element = inner.getGroup(0, i);
                out.add(element.getFieldRepetitionCount(0) == 0 ? JsonNull.INSTANCE : value(element, 0, 0));
            }
        }
        return out;
    }

    private static JsonElement primitive(Group group, int field, int at, Type type) {
        switch (type.asPrimitiveType().getPrimitiveTypeName()) {
            case BOOLEAN:
                return new JsonPrimitive(group.getBoolean(field, at));
            case INT32:
                return new JsonPrimitive(group.getInteger(field, at));
            case INT64:
                return new JsonPrimitive(group.getLong(field, at));
            case FLOAT:
                return new JsonPrimitive(group.getFloat(field, at));
            case DOUBLE:
                return new JsonPrimitive(group.getDouble(field, at));
            default:
                return new JsonPrimitive(group.getValueToString(field, at));
        }
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
