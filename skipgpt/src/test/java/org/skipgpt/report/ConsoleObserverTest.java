package org.skipgpt.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ConsoleObserverTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    private final AtomicLong clock = new AtomicLong();

    @Test
    void theBarIsDrawnAtMostTenTimesASecondAndEndsItsLine() {
        ProgressObserver observer = new ConsoleObserver(out, true, clock::get);

        for (int i = 0; i <= 1000; i++) {
            observer.progress(new Progress("tuning", i, 1000, "steps", i * 0.001, "loss 2.31"));
            clock.addAndGet(1_000_000L);
        }

        String[] drawn = written().split("\r", -1);
        assertThat(drawn.length).isBetween(10, 13);
        assertThat(drawn[drawn.length - 1])
                .startsWith("tuning  ████████████████████████  100 % 1000/1000 steps · 1.0 s · loss 2.31  ")
                .endsWith(System.lineSeparator());
        assertThat(drawn[6]).contains("░").contains("left");
    }

    @Test
    void theRestOfAContinuedTaskIsToldFromWhatWasDoneNow() {
        Progress continued = new Progress("tuning", 60, 100, "steps", 5, "").withEarlier(50);

        assertThat(continued.remainingSeconds()).isEqualTo(20);
        assertThat(new Progress("tuning", 50, 100, "steps", 5, "")
                        .withEarlier(50)
                        .remainingSeconds())
                .isNaN();
    }

    @Test
    void elsewhereAFewPlainLinesComeOut() {
        ProgressObserver observer = new ConsoleObserver(out, false, clock::get);

        for (int i = 0; i <= 1000; i++) {
            observer.progress(new Progress("download", i * 5000L, 5_000_000L, "bytes", i * 0.1, ""));
        }

        assertThat(written().lines()).hasSize(5).first().isEqualTo("download: 0 % 0.0/5.0 MB · 0.0 s");
        assertThat(written().lines()).last().isEqualTo("download: 100 % 5.0/5.0 MB · 1:40 min");
        assertThat(written()).doesNotContain("\u001b").doesNotContain("█");
    }

    @Test
    void anotherTaskBeginsOnItsOwnLine() {
        ProgressObserver observer = new ConsoleObserver(out, true, clock::get);

        observer.progress(new Progress("first", 1, 0, "texts", 1, ""));
        observer.progress(new Progress("second", 1, 2, "steps", 1, ""));

        assertThat(written().lines().filter(line -> !line.isEmpty()))
                .hasSize(2)
                .first()
                .isEqualTo("first  1 texts · 1.0 s");
    }

    private String written() {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
