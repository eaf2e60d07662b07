package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.FolderBusyException;
import org.skipgpt.io.FolderLock;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.report.Provenance;
import org.skipgpt.route.Gate;
import org.skipgpt.route.Routers;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Gradients;
import org.skipgpt.torch.Torch;

/** Several workers make one run: what one process makes, whoever computes what, whoever dies and whoever comes late. */
class SharedStepsEngineTest {
    private static final int STEPS = 6;
    private static final int PARTS = 4;
    private static final TuningOptions OPTIONS = TuningOptions.practical()
            .withDenseStart()
            .withSteps(STEPS)
            .withSeed(5)
            .withRouterRate(LearningRate.constant(2e-2))
            .withAccumulation(PARTS);
    private static final long LONGEST_SECONDS = 120;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    /** What a worker ends with: every number of its routers, the budget's state last, and the losses it logged. */
    private record Learned(List<float[]> numbers, double[] losses, TrainingRun run) {}

    private static Learned run(LoopConfig loop, Batches texts, ProgressObserver observer) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            Routers routers = Routers.init(manager, model.config(), OPTIONS.router(), OPTIONS.start(), 5);
            Batches batches = number -> {
                texts.batch(number);
                return new int[][] {golden.ids((int) (number % 2))};
            };
            try (RouterTuning tuning = RouterTuning.of(
                    model, routers, Gate.compile(manager), OPTIONS.routing(), loop, batches, "golden ids")) {
                TrainingRun run = TrainingLoop.run(tuning, loop, manager, observer);
                List<float[]> numbers = new ArrayList<>();
                for (NDArray array : tuning.parameters().values()) {
                    numbers.add(array.toFloatArray());
                }
                tuning.state().values().forEach(array -> numbers.add(array.toFloatArray()));
                return new Learned(numbers, run.log().column("loss"), run);
            }
        }
    }

    private static Learned alone() {
        return run(OPTIONS.loop(), number -> new int[0][], ProgressObserver.silent());
    }

    private LoopConfig shared() {
        return OPTIONS.loop().withWorkers(folder, 2);
    }

    private static void assertSame(Learned found, Learned wanted) {
        assertThat(found.losses()).containsExactly(wanted.losses());
        assertThat(found.numbers()).hasSameSizeAs(wanted.numbers());
        for (int i = 0; i < found.numbers().size(); i++) {
            assertThat(found.numbers().get(i)).containsExactly(wanted.numbers().get(i));
        }
    }

    @Test
    void twoWorkersLearnWhatOneProcessLearnsBitForBit() throws Exception {
        Learned alone = alone();
        List<AtomicInteger> counts = List.of(new AtomicInteger(), new AtomicInteger());
        List<String> notes = new ArrayList<>();
        CountDownLatch both = new CountDownLatch(2);
        List<Callable<Learned>> workers = new ArrayList<>();
        for (AtomicInteger count : counts) {
            workers.add(() -> run(
                    shared(),
                    number -> {
                        // Neither goes on before the other has something to do, too.
                        count.incrementAndGet();
                        both.countDown();
                        await(both);
                        return new int[0][];
                    },
                    progress -> note(notes, progress)));
        }

        ExecutorService pool = Executors.newFixedThreadPool(2);
        try {
            List<Future<Learned>> learned = pool.invokeAll(workers, LONGEST_SECONDS, TimeUnit.SECONDS);
            assertSame(learned.get(0).get(), alone);
            assertSame(learned.get(1).get(), alone);
        } finally {
            pool.shutdownNow();
        }

        assertThat(counts.get(0).get() + counts.get(1).get()).isEqualTo(STEPS * PARTS);
        assertThat(counts).allSatisfy(count -> assertThat(count.get()).isPositive());
        assertThat(notes).anyMatch(note -> note.endsWith("workers: 2"));
        assertThat(kept())
                .as("what is left of the run")
                .containsExactly("00000006-evaluation.safetensors", "claims", "saved.txt");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(LONGEST_SECONDS, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void note(List<String> notes, Progress progress) {
        synchronized (notes) {
            notes.add(progress.note());
        }
    }

    private List<String> kept() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("workers"))) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .sorted()
                    .toList();
        }
    }

    /** A worker that stands still within a step, for its parent to kill: arguments are the folder and a file to make then. */
    static final class Victim {
        private Victim() {}

        public static void main(String[] arguments) {
            run(
                    OPTIONS.loop().withWorkers(Path.of(arguments[0]), 2),
                    number -> {
                        if (number == 3 * PARTS + 1) {
                            stand(Path.of(arguments[1]));
                        }
                        return new int[0][];
                    },
                    ProgressObserver.silent());
        }

        private static void stand(Path sign) {
            try {
                Files.createFile(sign);
                TimeUnit.SECONDS.sleep(LONGEST_SECONDS);
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Test
    void aWorkerThatIsKilledWithinAStepCostsItsMicroBatch() throws Exception {
        Path sign = folder.resolve("stands");
        Process victim = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx512m",
                        "-Dai.djl.offline=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Victim.class.getName(),
                        folder.toString(),
                        sign.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("victim.log").toFile())
                .start();
        AtomicInteger computed = new AtomicInteger();
        Learned survivor;
        try {
            for (long begun = System.nanoTime(); !Files.exists(sign); TimeUnit.MILLISECONDS.sleep(20)) {
                assertThat(System.nanoTime() - begun).isLessThan(TimeUnit.SECONDS.toNanos(LONGEST_SECONDS));
                assertThat(victim.isAlive())
                        .as(() -> text(folder.resolve("victim.log")))
                        .isTrue();
            }
            victim.destroyForcibly().waitFor();
            survivor = run(
                    shared(),
                    number -> {
                        computed.incrementAndGet();
                        return new int[0][];
                    },
                    ProgressObserver.silent());
        } finally {
            victim.destroyForcibly().waitFor();
        }

        assertSame(survivor, alone());
        // The state of two steps was saved; the third step and one micro-batch of the fourth lay there as files.
        assertThat(computed.get()).isEqualTo((STEPS - 3) * PARTS - 1);
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    @Test
    void aWorkerThatComesLateBeginsAtWhatWasSavedLastAndEndsLikeTheOthers() throws Exception {
        CountDownLatch come = new CountDownLatch(1);
        CountDownLatch joined = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(2);
        List<Long> computed = new ArrayList<>();
        try {
            Future<Learned> first = pool.submit(() -> run(
                    shared(),
                    number -> {
                        if (number == 4 * PARTS) { // two states were saved by now
                            come.countDown();
                            await(joined);
                        }
                        return new int[0][];
                    },
                    ProgressObserver.silent()));
            Future<Learned> late = pool.submit(() -> {
                await(come);
                return run(
                        shared(),
                        number -> {
                            computed.add(number);
                            joined.countDown();
                            return new int[0][];
                        },
                        ProgressObserver.silent());
            });
            Learned alone = alone();
            assertSame(first.get(LONGEST_SECONDS, TimeUnit.SECONDS), alone);
            assertSame(late.get(LONGEST_SECONDS, TimeUnit.SECONDS), alone);
        } finally {
            pool.shutdownNow();
        }
        assertThat(computed).isNotEmpty().allMatch(number -> number > 4L * PARTS);
    }

    @Test
    void aRunThatWasBegunAloneIsFinishedByWorkersAndTheOtherWayRound() {
        LoopConfig own = OPTIONS.loop().withCheckpoints(folder, 1);
        Learned alone = alone();

        stopped(own, 2);
        stopped(shared(), 4);
        assertSame(run(own, number -> new int[0][], ProgressObserver.silent()), alone);
    }

    private static void stopped(LoopConfig loop, long after) {
        run(loop, number -> new int[0][], progress -> {
            if (progress.done() == after) {
                Thread.currentThread().interrupt();
            }
        });
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void optionsAreAllThatIsNeededAndOneOfTheWorkersEvaluates() throws Exception {
        // Golden models read ids as decimal numbers.
        List<String> documents = List.of(
                "5 6 7 8 9 10 11 12",
                "40 41 42 43 44 45",
                "9 8 7 6 5 4 3",
                "21 22 23 24 25",
                "7 7 8 8 9 9",
                "1 2 3",
                "4 5 6",
                "7 8 9",
                "10 11 12 13",
                "14 15 16");
        TuningOptions options = TuningOptions.workshop()
                .withSteps(4)
                .withBatch(1, 8)
                .withHeldOut(1)
                .withLoop(OPTIONS.loop().withSteps(4).withEvaluateEvery(2))
                .withAccumulation(3);
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel dropped = DropPlan.of("one", model.config(), List.of(ModuleSite.of(1)), Provenance.of("one"))
                    .applyTo(model);
            String alone = tuned(dropped, documents, options);
            ExecutorService pool = Executors.newFixedThreadPool(2);
            try {
                Callable<String> worker = () -> tuned(dropped, documents, options.withWorkers(folder, 1));
                for (Future<String> made : pool.invokeAll(List.of(worker, worker))) {
                    assertThat(made.get()).isEqualTo(alone);
                }
            } finally {
                pool.shutdownNow();
            }
            assertThat(alone).contains("held-out");
        }
    }

    // Rows but their speed, and what came out.
    private static String tuned(LanguageModel model, List<String> documents, TuningOptions options) {
        Tuned tuned = Tuning.routers(model, .4, documents, options, ProgressObserver.silent());
        List<String> rows = tuned.run().log().rows().stream()
                .map(row -> row.entrySet().stream()
                        .filter(e -> !e.getKey().equals("tokens/s"))
                        .toList()
                        .toString())
                .toList();
        return rows + tuned.sparsity().text();
    }

    /** Learns for a step; then one of its micro-batches loses its way, by its gradient alone. */
    private record Breaking(NDArray leaf) implements Objective {
        @Override
        public Map<String, NDArray> parameters() {
            return Map.of("leaf", leaf);
        }

        @Override
        public Map<String, Double> backward(NDManager scope, long step, int micro, double weight) {
            NDArray sum = Gradients.times(scope, leaf.sum(), step == 1 && micro == 2 ? Double.NaN : weight);
            Gradients.backward(sum);
            return Map.of("loss", 1.0, "tokens", 1.0);
        }

        @Override
        public String describe() {
            return "breaking";
        }

        @Override
        public Identity identity() {
            return Identity.of("breaking");
        }
    }

    @Test
    void gradientsThatAreNotFiniteEndEveryWorkerAtTheSameStep() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            Callable<TrainingRun> worker = () -> {
                NDArray leaf = manager.ones(new Shape(3));
                Gradients.require(leaf);
                return TrainingLoop.run(new Breaking(leaf), shared(), manager, ProgressObserver.silent());
            };
            for (Future<TrainingRun> made : pool.invokeAll(List.of(worker, worker))) {
                assertThatThrownBy(made::get)
                        .hasCauseInstanceOf(NonFiniteLossException.class)
                        .hasMessageContaining("stopped at step 1: loss 1.0, gradient norm NaN");
            }
        } finally {
            pool.shutdownNow();
        }
    }

    @Test
    void whatCannotBeSharedIsRefusedByName() throws Exception {
        assertThatThrownBy(() -> OPTIONS.withWorkers(folder, 0)).hasMessageContaining("must every 1 or more");
        LoopConfig undivided = shared().withAccumulation(1);
        assertThatThrownBy(() -> run(undivided, number -> new int[0][], ProgressObserver.silent()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("withAccumulation(n)");
        assertThatThrownBy(() -> run(
                        OPTIONS.loop().withWorkers(Path.of("pom.xml"), 1),
                        number -> new int[0][],
                        ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("is a file, not a folder");

        stopped(shared(), 2);
        assertThatThrownBy(() -> run(shared().withSeed(6), number -> new int[0][], ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("other settings (seed: 5, now 6): use");
        try (FolderLock lock = FolderLock.of(folder, "training")) {
            assertThatThrownBy(() -> run(shared(), number -> new int[0][], ProgressObserver.silent()))
                    .isInstanceOf(FolderBusyException.class);
        }
        try (SharedSteps there = SharedSteps.join(shared())) {
            assertThatThrownBy(() -> run(
                            OPTIONS.loop().withCheckpoints(folder, 1),
                            number -> new int[0][],
                            ProgressObserver.silent()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("1 workers make the run");
        }
    }

    @Test
    void gradientsOfOtherParametersAndDamagedOnesAreNotSummed() throws Exception {
        stopped(shared(), 2);
        Path part = folder.resolve("workers").resolve("00000002-0000.safetensors");
        new StepPart(Map.of("loss", 1.0), 7, Map.of()).write(part);
        assertThatThrownBy(() -> run(shared(), number -> new int[0][], ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("other parameters than this process has before step 2");

        byte[] bytes = Files.readAllBytes(part);
        bytes[bytes.length - 1]++;
        Files.write(part, bytes);
        assertThatThrownBy(() -> run(shared(), number -> new int[0][], ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("its sum is another");

        Files.delete(part);
        Path saved = folder.resolve("workers").resolve("saved.txt");
        Files.writeString(saved, "4\n");
        assertThatThrownBy(() -> run(shared(), number -> new int[0][], ProgressObserver.silent()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("is of step 2, but step 4 was saved");
    }
}
