package org.skipgpt.io;

import java.nio.file.Path;

/** Finds the published models and data sets that are too large to travel with the project. */
final class SharedData {
    private SharedData() {}

    /** The data folder; it need not exist. */
    static Path folder() {
        String named = System.getenv("SKIPGPT_SHARED");
        Path shared = named != null
                ? Path.of(named)
                : Path.of(System.getProperty("skipgpt.root", "..")).resolve("../shared");
        return shared.resolve("data");
    }
}
