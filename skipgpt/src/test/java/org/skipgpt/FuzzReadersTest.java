package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Some damaged files of every kind; {@link FuzzReaders} takes many by hand. */
class FuzzReadersTest {
    private static final int EACH = 60;

    static List<FuzzReaders.Target> targets() throws IOException {
        return FuzzReaders.targets();
    }

    @ParameterizedTest
    @MethodSource("targets")
    void aDamagedFileIsReadOrRefusedByName(FuzzReaders.Target target, @TempDir Path folder) throws IOException {
        assertThat(FuzzReaders.fault(target, target.good(), folder))
                .as("the undamaged file")
                .isEmpty();

        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < EACH; i++) {
            byte[] damaged = FuzzReaders.damaged(target.good(), random);
            assertThat(FuzzReaders.fault(target, damaged, folder))
                    .as("%s, mutation %d", target, i)
                    .isEmpty();
        }
    }
}
