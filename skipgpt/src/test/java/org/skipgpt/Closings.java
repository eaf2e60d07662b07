package org.skipgpt;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.train.TuningOptions;

/** Closes what other threads compute with, again and again, and counts what they are told. */
public final class Closings {
    private static final List<String> TEXTS = List.of(
            "The red kite lives in the old town.",
            "A blue whale swims in the cold sea.",
            "Mia has a small grey cat.",
            "The baker of the village is called Tom.");

    /** What is closed. */
    public enum Kind {
        WORKSPACE,
        NEWER_WORKSPACE,
        MODEL,
        SESSION,
        TUNED
    }

    /** Work that never ends by itself. */
    private interface Endless {
        void round();
    }

    // Passes long enough that a closing falls into one.
    private static final DecoderConfig SHAPE = DecoderConfig.llama(3072, 256, 704, 4, 8, 4);

    private final Random random;
    private final Path saved;
    private final Map<String, Integer> told = new TreeMap<>();

    /** Draws from a seed; routers are saved in a folder. */
    public Closings(long seed, Path folder) {
        random = new Random(seed);
        saved = folder.resolve("routers");
    }

    /** How often working threads ended by which words; those of a fault begin with its class. */
    public Map<String, Integer> told() {
        return told;
    }

    /** One closing while three threads work. */
    public void close(Kind kind) throws InterruptedException {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel base = SkipGpt.random(SHAPE, 1);
        if (Files.notExists(saved)) {
            SkipGpt.save(SkipGpt.withRouters(base, RouterConfig.defaults()), saved.toString());
        }
        LanguageModel tuned = SkipGpt.loadSkipGpt(saved.toString(), base);
        Session session = tuned.session(1);
        List<Endless> works = kind == Kind.SESSION
                ? List.of(appending(session), appending(session), appending(session))
                : List.of(work(tuned), work(tuned), work(tuned));
        List<Thread> threads = new ArrayList<>();
        CountDownLatch begun = new CountDownLatch(works.size());
        for (Endless work : works) {
            Thread thread = new Thread(() -> untilTold(work, begun), "work");
            threads.add(thread);
            thread.start();
        }
        begun.await();
        Thread.sleep(random.nextInt(40));
        switch (kind) {
            case WORKSPACE -> workspace.close();
            case NEWER_WORKSPACE -> Workspace.open("cpu", "fp32");
            case MODEL -> workspace.release(base);
            case SESSION -> session.close();
            case TUNED -> workspace.release(tuned);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        Workspace.current().close();
    }

    private void untilTold(Endless work, CountDownLatch begun) {
        try {
            work.round();
            begun.countDown();
            while (true) {
                work.round();
            }
        } catch (RuntimeException e) {
            begun.countDown();
            String message = String.valueOf(e.getMessage());
            boolean clear = e instanceof IllegalStateException
                    && message.contains("closed")
                    && !message.contains("NDManager")
                    && !message.contains("Native resource");
            synchronized (told) {
                told.merge(clear ? "told" : e.getClass().getSimpleName() + ": " + message, 1, Integer::sum);
            }
        }
    }

    private static Endless appending(Session session) {
        int[] at = {0};
        return () -> {
            // A sequence must not outgrow the context before anybody closes it.
            if (at[0]++ < 40) {
                session.append(new int[8]);
            } else {
                session.append(new int[0]);
            }
        };
    }

    private Endless work(LanguageModel model) {
        GenerationOptions few = GenerationOptions.defaults().withMaxTokens(16);
        List<String> many = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            many.addAll(TEXTS);
        }
        return switch (random.nextInt(5)) {
            case 0 -> () -> model.generate(few, TEXTS.get(0), TEXTS.get(1));
            case 1 -> () -> model.logProbabilities(new int[200], new int[180]);
            case 2 -> () -> SkipGpt.sparsity(model, TEXTS);
            case 3 ->
                () -> {
                    try (Session session = model.session(2)) {
                        session.append(new int[100], new int[] {1});
                        session.fork(0, 1, 1).close();
                    }
                };
            default ->
                () -> SkipGpt.tuneLora(
                        model, many, TuningOptions.workshop().withSteps(3).withBatch(2, 16), ProgressObserver.silent());
        };
    }
}
