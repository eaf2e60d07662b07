package org.skipgpt.data;

/** What one text of a plain text file is. */
public enum TextUnit {
    /** Each line that is not blank. */
    LINE,
    /** Lines up to a blank one. */
    PARAGRAPH,
    /** The whole file; it must fit in memory. */
    FILE
}
