package org.skipgpt;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Set;

/**
 * A way of putting something on disk, for studies of kills and races.
 *
 * <p>What is written tells a number in each of its parts, so that a mixture of two writes is seen.
 *
 * @param name of the way, and of its folder
 * @param ending of the names of its files or folders
 * @param kind what a second write into the same place does
 * @param write the write of a number into a place
 * @param read the numbers that a place holds; none where nothing is there
 */
public record Writer(String name, String ending, Kind kind, Write write, Read read) {
    /** What a second write into the same place does. */
    enum Kind {
        /** It takes the first one's place. */
        REPLACES,
        /** It is refused where its number is another. */
        REFUSES,
        /** It finds what it would write. */
        FINDS,
        /** It adds its number to those that are there. */
        ADDS
    }

    /** Writes a number into a place. */
    interface Write {
        void to(Path target, int number) throws IOException;
    }

    /** Reads the numbers of a place. */
    interface Read {
        Set<Integer> from(Path target) throws IOException;
    }

    /** Where a number is written: numbers 2i and 2i+1, which two processes write, go to one place. */
    Path target(Path folder, int number) {
        boolean isOne = kind == Kind.REPLACES || kind == Kind.ADDS;
        return folder.resolve(name).resolve("out" + (isOne ? "" : "-" + number / 2) + ending);
    }

    @Override
    public String toString() {
        return name;
    }
}
