package org.skipgpt.kernel.live;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.skipgpt.kernel.render.Rendering;
import org.skipgpt.report.Progress;

class LiveTest {
    private final List<String> events = new ArrayList<>();
    private final AtomicLong clock = new AtomicLong();
    private final NotebookObserver observer = new NotebookObserver(new RecordingScreen(), clock::get);

    /** Writes down what happens. */
    private final class RecordingScreen implements Screen {
        @Override
        public String show(Map<String, String> forms) {
            events.add("show " + forms.get(Rendering.TEXT));
            return "id" + events.size();
        }

        @Override
        public void update(String id, Map<String, String> forms) {
            events.add("update " + id + " " + forms.get(Rendering.TEXT));
        }
    }

    @Test
    void drawsABarAtMostTenTimesASecondAndAlwaysItsEnd() {
        for (int step = 0; step <= 1000; step++) {
            observer.progress(progress(step, 1000));
            clock.addAndGet(1_000_000); // 1 ms a step: one second in all
        }

        assertThat(events).hasSizeBetween(9, 12);
        assertThat(events.get(0)).startsWith("show tuning: 0 of 1000 steps");
        assertThat(events.subList(1, events.size())).allMatch(event -> event.startsWith("update id1 "));
        assertThat(events.get(events.size() - 1)).contains("1000 of 1000 steps in ");
    }

    @Test
    void startsANewBarWhereATaskBeginsAgain() {
        observer.progress(progress(5, 5));
        observer.progress(progress(1, 5));

        assertThat(events).hasSize(2).allMatch(event -> event.startsWith("show "));
    }

    @Test
    void wantsAFigureOnceASecondAndReplacesIt() {
        assertThat(observer.wantsFigure("loss")).isTrue();
        observer.figure("loss", () -> "first");
        assertThat(observer.wantsFigure("loss")).isFalse();
        clock.addAndGet(1_000_000_001L);
        assertThat(observer.wantsFigure("loss")).isTrue();
        observer.figure("loss", () -> "second");

        assertThat(events).containsExactly("show first", "update id1 second");
    }

    @Test
    void drawsCostlyFiguresLessOftenButNotForTheCostOfTheFirst() {
        observer.figure("loss", this::slow);
        clock.addAndGet(1_000_000_001L);
        assertThat(observer.wantsFigure("loss")).isTrue(); // the first one also loaded fonts
        observer.figure("loss", this::slow);
        clock.addAndGet(4_900_000_000L);
        assertThat(observer.wantsFigure("loss")).isFalse();
        clock.addAndGet(200_000_000L);
        assertThat(observer.wantsFigure("loss")).isTrue(); // ten times its half a second
    }

    private String slow() {
        clock.addAndGet(500_000_000L);
        return "figure";
    }

    @Test
    void printsOneLineForEachQuarterWithoutTimes() {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PlainObserver plain = new PlainObserver(new PrintStream(printed, true, UTF_8));

        for (int step = 0; step <= 100; step++) {
            plain.progress(progress(step, 100));
        }

        assertThat(printed.toString(UTF_8).lines().toList())
                .containsExactly(
                        "tuning: 0 of 100 steps, loss 0",
                        "tuning: 25 of 100 steps, loss 25",
                        "tuning: 50 of 100 steps, loss 50",
                        "tuning: 75 of 100 steps, loss 75",
                        "tuning: 100 of 100 steps, loss 100");
    }

    private static Progress progress(long done, long total) {
        return new Progress("tuning", done, total, "steps", done * 0.001, "loss " + done);
    }
}
