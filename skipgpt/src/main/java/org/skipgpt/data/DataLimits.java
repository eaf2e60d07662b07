package org.skipgpt.data;

/**
 * How much of outside data is held at once, so that a file of a few packed kilobytes cannot fill the memory.
 *
 * <p>Texts count in characters, and never more than a sixteenth of the heap (the JVM's -Xmx) is given to one.
 */
final class DataLimits {
    /** The longest record: a line of jsonl, a row of csv, an entry of a json array, a row of parquet. */
    static final int RECORD = within(1 << 26);

    /** The longest text that is taken whole: a paragraph or a file of plain text. */
    static final int TEXT = within(1 << 28);

    /** The most values of one record, those inside of others included. */
    static final int VALUES = 1_000_000;

    /** The most columns of a table. */
    static final int COLUMNS = 10_000;

    /** The most records that may be faulty before a file is taken for another kind of file. */
    static final int FAULTS = 100_000;

    private DataLimits() {}

    private static int within(int most) {
        return (int) Math.min(most, Runtime.getRuntime().maxMemory() / 16);
    }
}
