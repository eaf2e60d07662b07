package org.skipgpt.kernel.magic;

import java.util.List;

/** A part of a cell: Java code, or a magic. */
public sealed interface CellPart {
    /**
     * Java code.
     *
     * @param text the code
     * @param line its first line within the cell, from 0
     */
    record Code(String text, int line) implements CellPart {}

    /**
     * A line magic: {@code %name arguments}.
     *
     * @param name without the percent sign
     * @param arguments the rest of the line as written
     * @param line its line within the cell, from 0
     */
    record LineMagic(String name, String arguments, int line) implements CellPart {
        /** The arguments as words; quotes keep words together. */
        public List<String> words() {
            return CellParser.words(arguments);
        }
    }

    /**
     * A cell magic: {@code %%name arguments}, with all further lines as its body.
     *
     * @param name without the percent signs
     * @param arguments the rest of the first line
     * @param body all further lines
     * @param line first line of the body within the cell, from 0
     */
    record CellMagic(String name, String arguments, String body, int line) implements CellPart {
        /** The arguments as words; quotes keep words together. */
        public List<String> words() {
            return CellParser.words(arguments);
        }
    }
}
