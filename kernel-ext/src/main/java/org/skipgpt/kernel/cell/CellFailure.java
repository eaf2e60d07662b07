package org.skipgpt.kernel.cell;

import java.util.List;

/** A cell that did not compile, threw, or was interrupted; carries what the reader is shown. */
public final class CellFailure extends Exception {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final String value;
    private final transient List<String> traceback;

    /**
     * Describes a failure.
     *
     * @param name class of the exception, or a short word such as {@code CompileError}
     * @param value its message
     * @param traceback lines with ANSI colours
     */
    public CellFailure(String name, String value, List<String> traceback) {
        super(name + ": " + value);
        this.name = name;
        this.value = value;
        this.traceback = List.copyOf(traceback);
    }

    /** Class of the exception, or a short word. */
    public String name() {
        return name;
    }

    /** The message. */
    public String value() {
        return value;
    }

    /** Lines with ANSI colours. */
    public List<String> traceback() {
        return traceback;
    }
}
