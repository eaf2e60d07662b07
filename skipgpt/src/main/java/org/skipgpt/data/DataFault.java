package org.skipgpt.data;

/**
 * A record that could not be read; the records around it are kept.
 *
 * @param file where it stands
 * @param line its first line, from 1; for parquet the row, from 1
 * @param problem what is wrong with it
 */
public record DataFault(String file, long line, String problem) {
    @Override
    public String toString() {
        return file + ":" + line + ": " + problem;
    }
}
