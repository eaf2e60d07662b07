package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClaimsTest {
    private final Path folder;
    private final Claims claims;

    ClaimsTest(@TempDir Path folder) {
        this.folder = folder;
        this.claims = Claims.of(folder, Duration.ZERO);
    }

    @AfterEach
    void close() {
        claims.close();
    }

    /** Holds a claim until it is killed. */
    static final class Holder {
        public static void main(String[] arguments) throws InterruptedException {
            try (Claims claims = Claims.of(Path.of(arguments[0]));
                    Claim held = claims.take("cell").orElseThrow()) {
                System.out.println(held.isHeld() ? "held" : "lost");
                TimeUnit.HOURS.sleep(1);
            }
        }
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> String.valueOf(file.getFileName())).toList();
        }
    }

    @Test
    void oneOwnerAtATimeHasAPieceOfWork() throws IOException {
        try (Claims others = Claims.of(folder, Duration.ZERO);
                Claim mine = claims.take("cell").orElseThrow()) {
            assertThat(others.take("cell")).isEmpty();
            assertThat(claims.take("cell")).isEmpty();
            assertThat(others.owner("cell").orElseThrow())
                    .contains("process " + ProcessHandle.current().pid());
            mine.beat();
            assertThat(mine.isHeld()).isTrue();
            others.take("another").orElseThrow().close();
        }

        assertThat(files()).isEmpty();
        assertThat(claims.owner("cell")).isEmpty();
        claims.take("cell").orElseThrow().close();
    }

    @Test
    void theClaimOfAKilledProcessIsTakenAtOnce() throws IOException, InterruptedException {
        Process other = new ProcessBuilder(List.of(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        folder.toString()))
                .redirectErrorStream(true)
                .start();
        try (Claims patient = Claims.of(folder)) {
            assertThat(new String(other.getInputStream().readNBytes(4), StandardCharsets.UTF_8))
                    .isEqualTo("held");
            assertThat(patient.take("cell")).isEmpty();

            other.destroyForcibly().waitFor();

            patient.take("cell").orElseThrow().close();
        } finally {
            other.destroyForcibly().waitFor();
        }
    }

    @Test
    void anotherMachinesClaimIsLeftWhileItBeats() throws IOException {
        Path file = folder.resolve("cell.claim");
        String owner = "elsewhere boot 1 0 token\n";
        Files.writeString(file, owner + "1\n");

        assertThat(claims.take("cell")).as("seen for the first time").isEmpty();
        Files.writeString(file, owner + "2\n");
        assertThat(claims.take("cell")).as("it has beaten").isEmpty();
        assertThat(claims.owner("cell")).isEqualTo(Optional.of("process 1 on elsewhere"));
        try (Claim mine = claims.take("cell").orElseThrow()) {
            assertThat(mine.isHeld()).isTrue();
        }
        Files.writeString(file, "");
        assertThat(claims.take("cell")).as("its name is not written yet").isEmpty();
        claims.take("cell").orElseThrow().close();
    }

    @Test
    void whoeverLivesIsCountedAndTheDeadGiveWayToOthers() throws IOException {
        // one of another machine, which nobody waits for here, beside two of this process
        String dead = new ClaimOwner("elsewhere", "x", 1, 0, "token").line();
        Files.writeString(folder.resolve("worker-dead.claim"), dead);
        try (Claims others = Claims.of(folder, Duration.ZERO);
                Claim first = claims.take("worker-1").orElseThrow();
                Claim second = others.take("worker-2").orElseThrow();
                Claim cell = others.take("cell").orElseThrow()) {
            assertThat(List.of(first, second, cell)).allMatch(Claim::isHeld);
            assertThat(claims.count("worker-")).as("at the first look").isEqualTo(3);
            assertThat(claims.count("worker-")).as("without a beat").isEqualTo(2);
            assertThat(files()).doesNotContain("worker-dead.claim");
        }
        assertThat(claims.count("worker-")).isZero();
    }

    @Test
    void whoLostAClaimDoesNotTouchTheOneThatFollowed() throws IOException {
        Claim lost = claims.take("cell").orElseThrow();
        Files.delete(folder.resolve("cell.claim"));
        try (Claim next = claims.take("cell").orElseThrow()) {
            lost.beat();
            assertThat(lost.isHeld()).isFalse();
            lost.close();

            assertThat(next.isHeld()).isTrue();
        }
    }

    @Test
    void whereNothingCanBeWrittenItSaysSo() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> Claims.of(file)).isInstanceOf(CheckpointException.class);
    }
}
