package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a kill leaves is whole and in nobody's way, and of two at once nothing is mixed; {@code KillStudy} is the long form. */
class KillsTest {
    @Test
    void aKilledWriterLeavesNothingHalf(@TempDir Path folder) throws IOException, InterruptedException {
        List<Writer> writers = Writers.all();
        try (Kills kills = new Kills(writers, 7)) {
            kills.kill(folder, 300);

            assertThat(kills.counts()).hasSameSizeAs(writers);
            assertThat(kills.counts().values())
                    .allSatisfy(counts -> assertThat(counts)
                            .containsEntry("kills", 1)
                            .containsEntry("whole, written again, swept", 1)
                            .allSatisfy((what, count) -> assertThat(what).matches("[a-z].*")));
        }
    }

    @Test
    void twoWritersAtOnceMixAndLoseNothing(@TempDir Path folder) throws IOException, InterruptedException {
        List<Writer> writers = Writers.all();
        int rounds = 6;
        try (Kills kills = new Kills(writers, 7)) {
            kills.race(folder, rounds);

            assertThat(kills.counts()).hasSameSizeAs(writers);
            assertThat(kills.counts().values()).allSatisfy(counts -> {
                assertThat(counts).allSatisfy((what, count) -> assertThat(what).matches("[a-z].*"));
                assertThat(counts.getOrDefault("writes", 0) + counts.getOrDefault("refusals", 0))
                        .isEqualTo(2 * rounds);
            });
        }
    }
}
