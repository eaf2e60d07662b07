package org.skipgpt.model;

import ai.djl.ndarray.NDManager;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.skipgpt.report.Interruption;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;

/**
 * Batches under way at once over a model on several devices, as many as there are devices with layers: while one batch is on the
 * second device, the next one is on the first. What they give is taken in their order, on the caller's thread.
 *
 * <p>Over a model on one device a batch begins when the one before was taken, on the caller's thread.
 *
 * <pre>{@code
 * InFlight.run(manager, batches, batch -> model.logProbabilities(batch), (batch, scores) -> all.add(scores));
 * }</pre>
 */
public final class InFlight {
    private static final long LOOK_MILLIS = 50;

    private InFlight() {}

    /**
     * Runs batches.
     *
     * @param owner owner of the model's arrays, or one below it
     * @param pass what is done with a batch, on any thread; gradients are recorded as on the caller's
     * @param taken is given each batch and what came of it, in order
     * @throws CancellationException if the thread was interrupted; no pass is under way any more then
     */
    public static <T, R> void run(NDManager owner, List<T> batches, Function<T, R> pass, BiConsumer<T, R> taken) {
        int most = Math.min(batches.size(), Places.under(owner).count());
        if (most <= 1) {
            for (T batch : batches) {
                Interruption.check();
                taken.accept(batch, pass.apply(batch));
            }
            return;
        }
        InUse inUse = InUse.of(owner);
        boolean gradients = Torch.recordsGradients();
        ExecutorService threads = Executors.newFixedThreadPool(most, InFlight::daemon);
        try {
            Deque<Future<R>> underWay = new ArrayDeque<>();
            int begun = 0;
            for (T batch : batches) {
                for (; begun < batches.size() && underWay.size() < most; begun++) {
                    T next = batches.get(begun);
                    underWay.add(threads.submit(() -> {
                        try (InUse.Hold held = inUse.hold();
                                var mode = Torch.gradients(gradients)) {
                            return pass.apply(next);
                        }
                    }));
                }
                taken.accept(batch, result(underWay.remove(), inUse));
            }
        } finally {
            end(threads);
        }
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "batch in flight");
        thread.setDaemon(true);
        return thread;
    }

    private static <R> R result(Future<R> pass, InUse inUse) {
        while (true) {
            Interruption.check();
            try {
                return pass.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                // Who frees the memory waits for this thread's hold, and a batch that would begin waits for him.
                inUse.pause();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException failure) {
                    throw failure;
                }
                if (e.getCause() instanceof Error failure) {
                    throw failure;
                }
                throw new IllegalStateException(e.getCause());
            }
        }
    }

    // Passes stop between two layers; who frees the memory must find none.
    private static void end(ExecutorService threads) {
        threads.shutdownNow();
        boolean interrupted = false;
        while (true) {
            try {
                if (threads.awaitTermination(1, TimeUnit.MINUTES)) {
                    break;
                }
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
