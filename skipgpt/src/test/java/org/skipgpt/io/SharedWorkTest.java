package org.skipgpt.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SharedWorkTest {
    private final Map<String, Integer> kept = new ConcurrentHashMap<>();
    private final List<String> made = new CopyOnWriteArrayList<>();
    private final Path folder;

    SharedWorkTest(@TempDir Path folder) {
        this.folder = folder;
    }

    private class Square implements SharedWork.Part<Integer> {
        private final int number;

        Square(int number) {
            this.number = number;
        }

        @Override
        public String name() {
            return "square-" + number;
        }

        @Override
        public Optional<Integer> kept() {
            return Optional.ofNullable(kept.get(name()));
        }

        @Override
        public Optional<Integer> make() {
            made.add(name());
            kept.put(name(), number * number);
            return kept();
        }
    }

    private static class Told implements SharedWork.Listener<Integer> {
        private final List<String> lines = new ArrayList<>();

        @Override
        public void kept(SharedWork.Part<Integer> part, Integer result) {
            lines.add("kept " + result);
        }

        @Override
        public void done(SharedWork.Part<Integer> part, Integer result, boolean isOwn) {
            lines.add((isOwn ? "own " : "other's ") + result);
        }

        @Override
        public void stopped(SharedWork.Part<Integer> part) {
            lines.add("stopped " + part.name());
        }

        @Override
        public void waiting(SharedWork.Part<Integer> part, String owner) {
            lines.add("waiting for " + part.name());
        }
    }

    private List<Square> squares(int count) {
        return IntStream.range(0, count).mapToObj(Square::new).toList();
    }

    @Test
    void severalWorkersMakeEachPartOnceAndEachReturnsThemAll() throws InterruptedException, ExecutionException {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<List<Optional<Integer>>>> all = new ArrayList<>();
            for (int worker = 0; worker < 4; worker++) {
                all.add(threads.submit(() -> {
                    try (Claims claims = Claims.of(folder)) {
                        return SharedWork.run(claims, squares(50), new Told());
                    }
                }));
            }

            for (Future<List<Optional<Integer>>> one : all) {
                assertThat(one.get())
                        .isEqualTo(IntStream.range(0, 50)
                                .mapToObj(i -> Optional.of(i * i))
                                .toList());
            }
        } finally {
            threads.shutdownNow();
        }
        assertThat(made).hasSize(50).doesNotHaveDuplicates();
    }

    @Test
    void whatWasKeptIsNotMadeAndWhatOthersAreAtIsWaitedFor() {
        kept.put("square-2", 4);
        Told told = new Told() {
            @Override
            public void waiting(SharedWork.Part<Integer> part, String owner) {
                super.waiting(part, owner);
                kept.put("square-1", 1); // the other has finished
            }
        };
        try (Claims claims = Claims.of(folder);
                Claims others = Claims.of(folder);
                Claim theirs = others.take("square-1").orElseThrow()) {
            assertThat(SharedWork.run(claims, squares(3), told))
                    .containsExactly(Optional.of(0), Optional.of(1), Optional.of(4));
        }

        assertThat(told.lines).containsExactly("kept 4", "own 0", "waiting for square-1", "other's 1");
        assertThat(made).containsExactly("square-0");
    }

    @Test
    void anInterruptEndsItAndWhatIsThereIsReturned() {
        kept.put("square-2", 4);
        Told told = new Told();
        Square interrupting = new Square(0) {
            @Override
            public Optional<Integer> make() {
                Thread.currentThread().interrupt();
                return Optional.empty();
            }
        };
        List<Square> parts = List.of(interrupting, new Square(1), new Square(2));
        try (Claims claims = Claims.of(folder)) {
            assertThat(SharedWork.run(claims, parts, told))
                    .containsExactly(Optional.empty(), Optional.empty(), Optional.of(4));
            assertThat(SharedWork.alone(squares(2), told))
                    .as("still interrupted")
                    .containsOnly(Optional.empty());
            assertThat(Thread.interrupted()).isTrue();
        }

        assertThat(told.lines).containsExactly("kept 4", "stopped square-0", "stopped square-0");
        assertThat(made).isEmpty();
    }

    @Test
    void aPartWhoseFolderIsBusyIsPutOffForTheRest() {
        Square busy = new Square(0) {
            private boolean isBusy = true;

            @Override
            public Optional<Integer> make() {
                if (isBusy) {
                    isBusy = false;
                    throw new FolderBusyException(folder.resolve("runs"), "training");
                }
                return super.make();
            }
        };
        Told told = new Told();
        try (Claims claims = Claims.of(folder)) {
            assertThat(SharedWork.run(claims, List.of(busy, new Square(1)), told))
                    .containsExactly(Optional.of(0), Optional.of(1));
        }

        assertThat(told.lines).containsExactly("own 1", "own 0");
    }
}
