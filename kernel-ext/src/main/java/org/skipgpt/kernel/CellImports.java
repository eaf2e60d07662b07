package org.skipgpt.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The imports that cells begin with. */
public final class CellImports {
    private static final String LIST = "startup-imports.txt";
    private static final Pattern IMPORT = Pattern.compile("import (static )?([\\w.]+?)(\\.\\*|\\.(\\w+))?;");

    private CellImports() {}

    /** The imports of a notebook, without those whose class is not on the class path. */
    public static List<String> forCells() throws IOException {
        try (InputStream in = CellImports.class.getResourceAsStream(LIST)) {
            if (in == null) {
                throw new IOException("the list of imports " + LIST + " is missing; rebuild the kernel");
            }
            return new String(in.readAllBytes(), UTF_8)
                    .lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("//"))
                    .filter(CellImports::isThere)
                    .toList();
        }
    }

    /** The same without the names that only a notebook has. */
    public static List<String> forShell() throws IOException {
        return forCells().stream()
                .filter(line -> !line.contains(Notebook.class.getName()))
                .toList();
    }

    // A package cannot be asked for; an import of one that is missing is found out by the compiler.
    private static boolean isThere(String line) {
        Matcher matcher = IMPORT.matcher(line);
        if (!matcher.matches() || matcher.group(1) == null) {
            return true;
        }
        try {
            Class.forName(matcher.group(2), false, CellImports.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }
}
