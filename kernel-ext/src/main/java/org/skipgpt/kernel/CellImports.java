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
    private static final Pattern IMPORT = Pattern.compile("import (static )?([\\w.]+)\\.(\\*|(\\w+));");

    /** A statement that compiles only where the imports are there, the last one of the list among them. */
    static final String PROBE = "if (false) { printf(\"\"); }";

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

    private static boolean isThere(String line) {
        Matcher matcher = IMPORT.matcher(line);
        if (!matcher.matches()) {
            return true; // the compiler will say
        }
        ClassLoader loader = CellImports.class.getClassLoader();
        String owner = matcher.group(2);
        boolean isPackage = matcher.group(1) == null && matcher.group(4) == null;
        if (isPackage) {
            // A package cannot be asked for, but each of ours describes itself.
            return owner.startsWith("java.")
                    || loader.getResource(owner.replace('.', '/') + "/package-info.class") != null;
        }
        try {
            Class.forName(matcher.group(1) == null ? owner + "." + matcher.group(4) : owner, false, loader);
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }
}
