package org.skipgpt.data;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.function.Consumer;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.io.api.RecordMaterializer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.DecimalLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.IntLogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.ListLogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/**
 * Makes parquet rows into JSON objects; lists become arrays, absent values null.
 *
 * <p>A row is counted while it is put together: a few bytes of parquet can repeat one value two billion times.
 */
final class ParquetJson extends RecordMaterializer<JsonObject> {
    private final Row root;
    private JsonObject current = new JsonObject();
    private int values;
    private long letters;

    ParquetJson(GroupType schema) {
        root = new Row(schema, row -> current = row.getAsJsonObject()) {
            @Override
            public void start() {
                values = 0;
                letters = 0;
                super.start();
            }
        };
    }

    @Override
    public JsonObject getCurrentRecord() {
        return current;
    }

    @Override
    public GroupConverter getRootConverter() {
        return root;
    }

    private void count(int length) {
        values++;
        letters += length;
        if (values > DataLimits.VALUES || letters > DataLimits.RECORD) {
            throw new DataException(
                    "one row has more than " + DataLimits.VALUES + " values or " + DataLimits.RECORD + " bytes");
        }
    }

    private Converter converter(Type type, Consumer<JsonElement> done) {
        if (type.isPrimitive()) {
            return new Leaf(type.asPrimitiveType(), done);
        }
        GroupType group = type.asGroupType();
        boolean isList = group.getLogicalTypeAnnotation() instanceof ListLogicalTypeAnnotation
                && group.getFieldCount() == 1
                && group.getType(0).isRepetition(Type.Repetition.REPEATED);
        return isList ? new Entries(group.getType(0), done) : new Row(group, done);
    }

    /** A record: all its fields in the order of the schema. */
    private class Row extends GroupConverter {
        private final GroupType type;
        private final Converter[] fields;
        private final Consumer<JsonElement> done;
        private JsonObject row = new JsonObject();

        Row(GroupType type, Consumer<JsonElement> done) {
            this.type = type;
            this.done = done;
            fields = new Converter[type.getFieldCount()];
            for (int i = 0; i < fields.length; i++) {
                String name = type.getFieldName(i);
                boolean repeated = type.getType(i).isRepetition(Type.Repetition.REPEATED);
                fields[i] = converter(
                        type.getType(i),
                        repeated ? value -> row.getAsJsonArray(name).add(value) : value -> row.add(name, value));
            }
        }

        @Override
        public void start() {
            row = new JsonObject();
            for (Type field : type.getFields()) {
                count(0);
                boolean repeated = field.isRepetition(Type.Repetition.REPEATED);
                row.add(field.getName(), repeated ? new JsonArray() : JsonNull.INSTANCE);
            }
        }

        @Override
        public Converter getConverter(int field) {
            return fields[field];
        }

        @Override
        public void end() {
            done.accept(row);
        }
    }

    /** A list: a repeated group of one element each, or in older files a repeated element. */
    private final class Entries extends GroupConverter {
        private final Converter repeated;
        private final Consumer<JsonElement> done;
        private JsonArray entries = new JsonArray();

        Entries(Type type, Consumer<JsonElement> done) {
            this.done = done;
            boolean wrapped = !type.isPrimitive() && type.asGroupType().getFieldCount() == 1;
            repeated = wrapped
                    ? new Entry(type.asGroupType().getType(0), value -> entries.add(value))
                    : converter(type, value -> entries.add(value));
        }

        @Override
        public void start() {
            entries = new JsonArray();
        }

        @Override
        public Converter getConverter(int field) {
            return repeated;
        }

        @Override
        public void end() {
            done.accept(entries);
        }
    }

    /** The group around one element of a list; without the element it is null. */
    private final class Entry extends GroupConverter {
        private final Converter element;
        private final Consumer<JsonElement> done;
        private JsonElement value = JsonNull.INSTANCE;

        Entry(Type type, Consumer<JsonElement> done) {
            this.done = done;
            element = converter(type, found -> value = found);
        }

        @Override
        public void start() {
            count(0);
            value = JsonNull.INSTANCE;
        }

        @Override
        public Converter getConverter(int field) {
            return element;
        }

        @Override
        public void end() {
            done.accept(value);
        }
    }

    /** A plain value as its logical type means it: unsigned numbers and decimals are what they say. */
    private final class Leaf extends PrimitiveConverter {
        private final PrimitiveType type;
        private final LogicalTypeAnnotation meaning;
        private final boolean isUnsigned;
        private final Consumer<JsonElement> done;

        Leaf(PrimitiveType type, Consumer<JsonElement> done) {
            this.type = type;
            this.done = done;
            meaning = type.getLogicalTypeAnnotation();
            isUnsigned = meaning instanceof IntLogicalTypeAnnotation whole && !whole.isSigned();
        }

        private void add(JsonPrimitive value, int length) {
            count(length);
            done.accept(value);
        }

        @Override
        public void addBoolean(boolean value) {
            add(new JsonPrimitive(value), 1);
        }

        @Override
        public void addInt(int value) {
            addWhole(isUnsigned ? Integer.toUnsignedLong(value) : value);
        }

        @Override
        public void addLong(long value) {
            if (isUnsigned && value < 0) {
                add(new JsonPrimitive(new BigInteger(Long.toUnsignedString(value))), 8);
            } else {
                addWhole(value);
            }
        }

        private void addWhole(long value) {
            add(
                    meaning instanceof DecimalLogicalTypeAnnotation decimal
                            ? new JsonPrimitive(BigDecimal.valueOf(value, decimal.getScale()))
                            : new JsonPrimitive(value),
                    8);
        }

        @Override
        public void addFloat(float value) {
            add(new JsonPrimitive(value), 4);
        }

        @Override
        public void addDouble(double value) {
            add(new JsonPrimitive(value), 8);
        }

        @Override
        public void addBinary(Binary value) {
            if (meaning instanceof DecimalLogicalTypeAnnotation decimal) {
                BigInteger digits = value.length() == 0 ? BigInteger.ZERO : new BigInteger(value.getBytesUnsafe());
                add(new JsonPrimitive(new BigDecimal(digits, decimal.getScale())), value.length());
                return;
            }
            count(value.length());
            done.accept(new JsonPrimitive(
                    meaning == null && type.getPrimitiveTypeName() == PrimitiveType.PrimitiveTypeName.BINARY
                            ? value.toStringUsingUTF8()
                            : type.stringifier().stringify(value)));
        }
    }
}
