package org.skipgpt.data;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.Optional;

/**
 * One record of a data set, with where it came from.
 *
 * @param file the file
 * @param line its first line, from 1; for json arrays and parquet its place, from 1
 * @param fields the record
 */
public record DataRow(String file, long line, JsonObject fields) {
    /** A field as text; empty where it is missing, null or no plain value. */
    public Optional<String> text(String field) {
        JsonElement value = fields.get(field);
        return value != null && value.isJsonPrimitive() ? Optional.of(value.getAsString()) : Optional.empty();
    }
}
