package org.skipgpt.train;

import java.nio.file.Path;

/**
 * Where a run is kept.
 *
 * @param path of the folder
 * @param isShared whether several processes make the run together there; otherwise one has the folder to itself
 */
public record RunFolder(Path path, boolean isShared) {
    @Override
    public String toString() {
        return isShared ? path + " of several workers" : path.toString();
    }
}
