package org.skipgpt.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every part is done once, whoever does it, and a call returns when all are. */
@Timeout(60)
class CrewTest {
    @Test
    void everyPartIsDoneOnceBeforeTheCallReturns() {
        Crew crew = new Crew(3);
        for (int round = 0; round < 300; round++) {
            try (Crew.Turn turn = crew.begin()) {
                for (int count : new int[] {0, 1, 2, 50}) {
                    assertOnce(turn, count);
                }
            }
        }
    }

    @Test
    void aCrewOfOneWorksAlone() {
        Thread caller = Thread.currentThread();
        try (Crew.Turn turn = new Crew(1).begin()) {
            turn.run(5, part -> assertThat(Thread.currentThread()).isSameAs(caller));
        }
    }

    @Test
    void aSecondCallerIsNotHeldUp() {
        Crew crew = new Crew(2);
        Thread caller = Thread.currentThread();
        try (Crew.Turn first = crew.begin();
                Crew.Turn second = crew.begin()) {
            second.run(5, part -> assertThat(Thread.currentThread()).isSameAs(caller));
            assertOnce(first, 20);
        }
        try (Crew.Turn third = crew.begin()) {
            assertOnce(third, 20);
        }
    }

    @Test
    void callersFromSeveralThreadsGetTheirOwnParts() throws InterruptedException {
        Crew crew = new Crew(2);
        List<Thread> callers = new ArrayList<>();
        AtomicIntegerArray rounds = new AtomicIntegerArray(4);
        for (int i = 0; i < rounds.length(); i++) {
            int caller = i;
            callers.add(new Thread(() -> {
                for (int round = 0; round < 200; round++) {
                    try (Crew.Turn turn = crew.begin()) {
                        assertOnce(turn, 9);
                    }
                    rounds.incrementAndGet(caller);
                }
            }));
        }
        callers.forEach(Thread::start);
        for (Thread caller : callers) {
            caller.join();
        }
        for (int i = 0; i < rounds.length(); i++) {
            assertThat(rounds.get(i)).as("caller %d", i).isEqualTo(200);
        }
    }

    @Test
    void afterARestHelpersComeBack() throws InterruptedException {
        Crew crew = new Crew(2);
        for (int round = 0; round < 20; round++) {
            Thread.sleep(2); // longer than helpers turn
            try (Crew.Turn turn = crew.begin()) {
                assertOnce(turn, 7);
            }
        }
    }

    @Test
    void aPartThatFailsIsToldAndTheCrewGoesOn() {
        Crew crew = new Crew(2);
        try (Crew.Turn turn = crew.begin()) {
            assertThatThrownBy(() -> turn.run(8, part -> {
                        if (part == 5) {
                            throw new IllegalArgumentException("no such part");
                        }
                    }))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("no such part")
                    .hasRootCauseInstanceOf(IllegalArgumentException.class);
            assertOnce(turn, 8);
        }
    }

    @Test
    void fewerThreadsThanOneAreRefused() {
        assertThatThrownBy(() -> new Crew(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0 threads");
    }

    private static void assertOnce(Crew.Turn turn, int count) {
        AtomicIntegerArray done = new AtomicIntegerArray(Math.max(1, count));
        turn.run(count, done::incrementAndGet);
        for (int part = 0; part < count; part++) {
            assertThat(done.get(part)).as("part %d of %d", part, count).isEqualTo(1);
        }
    }
}
