package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Some damaged files of every kind that is read without an engine; {@code FuzzReaders} takes many by hand. */
class FuzzReadersTest {
    private static final int EACH = 45;

    static List<FuzzTarget> targets() throws IOException {
        return FuzzTargets.all();
    }

    @ParameterizedTest
    @MethodSource("targets")
    void aDamagedFileIsReadOrRefusedByName(FuzzTarget target, @TempDir Path folder) throws IOException {
        check(target, folder, EACH);
    }

    static void check(FuzzTarget target, Path folder, int mutations) throws IOException {
        target.prepare(folder);
        // An undamaged file that were refused, too, would make all that follows say nothing.
        target.read(folder);

        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < mutations; i++) {
            byte[] damaged = Damage.of(target.good(), random);
            assertThat(target.fault(damaged, folder))
                    .as("%s, mutation %d", target, i)
                    .isEmpty();
        }
    }
}
