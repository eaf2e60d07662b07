package org.skipgpt.io;

import java.util.Map;

/** Names of the pickle operations that are refused, for messages. */
final class PickleOperations {
    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry((int) 'i', "INST"),
            Map.entry((int) 'o', "OBJ"),
            Map.entry(0x81, "NEWOBJ"),
            Map.entry(0x92, "NEWOBJ_EX"),
            Map.entry(0x93, "STACK_GLOBAL"),
            Map.entry(0x82, "EXT1"),
            Map.entry(0x83, "EXT2"),
            Map.entry(0x84, "EXT4"),
            Map.entry((int) 'P', "PERSID"),
            Map.entry((int) '2', "DUP"),
            Map.entry((int) '0', "POP"),
            Map.entry((int) '1', "POP_MARK"),
            Map.entry(0x8b, "LONG4"),
            Map.entry(0x95, "FRAME"),
            Map.entry(0x94, "MEMOIZE"),
            Map.entry(0x8c, "SHORT_BINUNICODE"),
            Map.entry((int) 'T', "BINSTRING"),
            Map.entry((int) 'U', "SHORT_BINSTRING"));

    private PickleOperations() {}

    static String name(int operation) {
        return NAMES.getOrDefault(operation, "not known here");
    }
}
