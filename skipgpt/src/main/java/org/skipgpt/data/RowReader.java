package org.skipgpt.data;

import java.io.Closeable;
import java.util.Optional;

/** Rows of one file, one after the other. */
interface RowReader extends Closeable {
    /** The next good row; empty after the last. */
    Optional<DataRow> next();
}
