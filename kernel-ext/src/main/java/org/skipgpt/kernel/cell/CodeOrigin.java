package org.skipgpt.kernel.cell;

/**
 * Where code comes from, for error messages.
 *
 * @param name e.g. {@code In[3]} or a file name
 * @param firstLine line number of the code's first line there, from 1
 */
public record CodeOrigin(String name, int firstLine) {
    /** The cell with an execution count. */
    public static CodeOrigin cell(int count) {
        return new CodeOrigin("In[" + count + "]", 1);
    }

    /** A named piece of code. */
    public static CodeOrigin named(String name) {
        return new CodeOrigin(name, 1);
    }

    /** The same origin some lines further down. */
    public CodeOrigin plusLines(int lines) {
        return new CodeOrigin(name, firstLine + lines);
    }
}
