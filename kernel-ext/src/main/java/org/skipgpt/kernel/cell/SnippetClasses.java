package org.skipgpt.kernel.cell;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names of the classes that JShell puts around snippets, as they stand in class files. */
final class SnippetClasses {
    /** {@code REPL/$JShell$26B}: snippet 26 in its second version; overloaded methods share a class, as in {@code 26_31B}. */
    private static final Pattern AROUND = Pattern.compile("REPL[./](\\$JShell\\$\\d+[A-Z]*(?:_\\d+[A-Z]*)*)");

    private static final Pattern OF_ONE = Pattern.compile("REPL\\.\\$JShell\\$(\\d+)[A-Z]*(?:[.$].*)?");

    private static final String MARK = "$JShell$";

    // tags of constants, as chapter 4.4 of the JVM's specification has them
    private static final int UTF8 = 1;
    private static final int LONG = 5;
    private static final int DOUBLE = 6;
    private static final int METHOD_HANDLE = 15;
    private static final Set<Integer> WITH_TWO_BYTES = Set.of(7, 8, 16, 19, 20);

    private static final int HEADER = 8; // bytes before the constants

    private SnippetClasses() {}

    /** The class around a snippet that a class is, or is in; empty for any other. */
    static String around(String name) {
        Matcher matcher = AROUND.matcher(name);
        return matcher.lookingAt() ? "REPL." + matcher.group(1) : "";
    }

    /** The id of the snippet that a class was made for; empty where it is none, or one that methods share. */
    static String id(String name) {
        Matcher matcher = OF_ONE.matcher(name);
        return matcher.matches() ? matcher.group(1) : "";
    }

    /** The classes around snippets that the constants of a class name: in its code, in signatures, in strings. */
    static Set<String> namedIn(byte[] classFile) throws IOException {
        Set<String> found = new HashSet<>();
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(classFile))) {
            in.skipNBytes(HEADER);
            int constants = in.readUnsignedShort();
            for (int i = 1; i < constants; i++) {
                int tag = in.readUnsignedByte();
                if (tag == UTF8) {
                    addNamed(in.readUTF(), found);
                } else if (tag == LONG || tag == DOUBLE) {
                    in.skipNBytes(8);
                    i++; // such a constant counts for two
                } else {
                    in.skipNBytes(tag == METHOD_HANDLE ? 3 : WITH_TWO_BYTES.contains(tag) ? 2 : 4);
                }
            }
        }
        return found;
    }

    private static void addNamed(String constant, Set<String> found) {
        if (constant.contains(MARK)) {
            Matcher matcher = AROUND.matcher(constant);
            while (matcher.find()) {
                found.add("REPL." + matcher.group(1));
            }
        }
    }
}
