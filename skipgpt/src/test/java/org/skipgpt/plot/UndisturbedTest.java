package org.skipgpt.plot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.report.Figure;

class UndisturbedTest {
    static Stream<Figure> figures() {
        return Stream.of(
                FiguresTest.drift(),
                FiguresTest.kinds(),
                FiguresTest.points(),
                FiguresTest.similarity(),
                Panels.of("both", 2, List.of(FiguresTest.kinds(), FiguresTest.drift())));
    }

    @AfterEach
    void clear() {
        boolean unused = Thread.interrupted();
    }

    @ParameterizedTest
    @MethodSource("figures")
    void anInterruptBeforeADrawingIsStillThereAfterIt(Figure figure) {
        byte[] picture = figure.png().orElseThrow();
        String drawn = figure.svg().orElseThrow();

        Thread.currentThread().interrupt();

        assertThat(figure.png()).hasValueSatisfying(bytes -> assertThat(bytes).isEqualTo(picture));
        assertThat(Thread.currentThread().isInterrupted()).isTrue();
        assertThat(figure.svg()).contains(drawn);
        assertThat(Thread.currentThread().isInterrupted()).isTrue();
    }

    @Test
    void anInterruptDuringADrawingIsThereAfterIt() throws Exception {
        Figure figure = FiguresTest.drift();
        byte[] picture = figure.png().orElseThrow();
        Random random = new Random(4);
        for (int i = 0; i < 20; i++) {
            CountDownLatch begun = new CountDownLatch(1);
            FutureTask<byte[]> drawing = new FutureTask<>(() -> {
                begun.countDown();
                byte[] made = figure.png().orElseThrow();
                while (!Thread.currentThread().isInterrupted()) {
                    Thread.onSpinWait(); // where it was lost, for ever
                }
                return made;
            });
            Thread thread = new Thread(drawing);
            thread.setDaemon(true);
            thread.start();
            begun.await();
            TimeUnit.MICROSECONDS.sleep(random.nextInt(60_000));
            thread.interrupt();

            assertThat(drawing.get(60, TimeUnit.SECONDS)).isEqualTo(picture);
        }
    }

    @Test
    void aCallerWhomNobodyInterruptedIsNot() {
        assertThat(Undisturbed.get(() -> "whole")).isEqualTo("whole");
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }

    @Test
    void workIsOutOfReachOfWhoInterruptsTheGroupOfItsCaller() {
        ThreadGroup group = Undisturbed.get(() -> Thread.currentThread().getThreadGroup());

        assertThat(group.getParent()).isNull();
    }

    @Test
    void failuresReachTheCallerAsTheyAre() {
        assertThatThrownBy(() -> LinePlot.of("empty", "x", "y").png())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("no finite value");
        assertThatThrownBy(() -> Undisturbed.get(() -> {
                    throw new NoClassDefFoundError("fonts");
                }))
                .isInstanceOf(NoClassDefFoundError.class);
    }
}
