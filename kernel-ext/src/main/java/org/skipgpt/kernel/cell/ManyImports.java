package org.skipgpt.kernel.cell;

/**
 * Begins a piece of several imports, see {@link CellEngine#importAll}. It has nothing to import; JShell knows the piece by
 * its name.
 */
public final class ManyImports {
    static final String LINE = "import static org.skipgpt.kernel.cell.ManyImports.*;";

    private ManyImports() {}
}
