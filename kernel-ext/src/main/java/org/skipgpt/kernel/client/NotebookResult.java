package org.skipgpt.kernel.client;

import java.nio.file.Path;

/**
 * How a notebook's run went.
 *
 * @param notebook the notebook that was run
 * @param executed where the executed notebook is
 * @param cells code cells run
 * @param pictures pictures written beside the executed notebook
 * @param seconds wall time, kernel start included
 * @param failure what failed; empty where all went well
 */
public record NotebookResult(Path notebook, Path executed, int cells, int pictures, double seconds, String failure) {
    /** Whether all cells ran. */
    public boolean isOk() {
        return failure.isEmpty();
    }
}
