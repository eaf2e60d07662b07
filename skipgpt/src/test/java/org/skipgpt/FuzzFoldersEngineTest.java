package org.skipgpt;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Some damaged files of every kind whose reading makes arrays; {@code FuzzReaders} takes many by hand. */
class FuzzFoldersEngineTest {
    private static final int EACH = 12;

    @Test
    void damagedFoldersAreReadOrRefusedByName(@TempDir Path folder) throws IOException {
        try (FuzzFolders folders = new FuzzFolders()) {
            for (FuzzTarget target : folders.targets(Files.createDirectory(folder.resolve("saved")))) {
                Path own = folder.resolve(target.kind().replaceAll("[ ,]+", "-"));
                FuzzReadersTest.check(target, own, EACH);
            }
        }
    }
}
