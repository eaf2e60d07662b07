package org.skipgpt.eval;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;
import org.skipgpt.data.DataFault;
import org.skipgpt.model.InFlight;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.torch.StopOnExit;

/**
 * Scores the questions of a task: by log-likelihood, or, of tasks that ask for an answer, by what is generated.
 *
 * <p>Questions go longest first in passes of about {@code batchTokens} tokens; the output head runs on continuation rows
 * only. An interrupted thread ends the run between two passes and keeps what is done.
 *
 * <pre>{@code
 * TaskResult piqa = new Scorer(model).score(TaskData.read(Tasks.named("piqa"), file), ProgressObserver.silent());
 * }</pre>
 */
public final class Scorer {
    private final LanguageModel model;
    private final ScoreOptions options;
    private final ScoreStore store;

    /** A scorer with the default options that stores nothing. */
    public Scorer(LanguageModel model) {
        this(model, ScoreOptions.defaults(), ScoreStore.none());
    }

    /** A scorer; the caller closes the store. */
    public Scorer(LanguageModel model, ScoreOptions options, ScoreStore store) {
        this.model = model;
        this.options = options;
        this.store = store;
    }

    /** A question made ready to be asked. */
    interface Ready {
        Item item();

        /** Its tokens; questions with more come first. */
        int tokens();
    }

    /** How the questions of a form are asked. */
    interface Way<R extends Ready> {
        /**
         * A question cut into tokens.
         *
         * @param key of its scores
         * @throws TaskException if it cannot be asked
         */
        R ready(Item item, String key);

        /** How many values a question's stored scores have. */
        int values(Item item);

        /** What scores say about a question. */
        ItemScore scored(Item item, Scores scores);

        /** Asks what is open and keeps each answer as it comes. */
        void run(List<R> open, List<ItemScore> done, long start);
    }

    /** A question's choices cut into tokens, and how many of them a pass computes. */
    private record Choices(Item item, String key, List<PairEncoder.Encoded> choices, int tokens) implements Ready {
        /** Its scores from those of its windows, the first of which stands at a place of a pass. */
        Scores scores(PassScorer.Sums sums, int first) {
            Scores scores =
                    Scores.choices(new double[choices.size()], new boolean[choices.size()], new int[choices.size()]);
            int at = first;
            for (int i = 0; i < choices.size(); i++) {
                scores.greedy()[i] = true;
                scores.excess()[i] = choices.get(i).excess();
                for (int w = 0; w < choices.get(i).windows().size(); w++) {
                    scores.logLikelihoods()[i] += sums.logLikelihoods()[at];
                    scores.greedy()[i] &= sums.greedy()[at++];
                }
            }
            return scores;
        }
    }

    /**
     * Scores a task.
     *
     * @return the scores of every question, or of those finished before the thread was interrupted
     */
    public TaskResult score(TaskData data, ProgressObserver observer) {
        try (StopOnExit guard = new StopOnExit()) {
            return data.task().form() == TaskDescription.Form.ANSWER
                    ? asked(data, new AnswerScorer(model, options, store, data.task(), observer))
                    : asked(data, new Likelihoods(data, observer));
        }
    }

    private <R extends Ready> TaskResult asked(TaskData data, Way<R> way) {
        long start = System.nanoTime();
        List<DataFault> faults = new ArrayList<>(data.faults());
        List<ItemScore> done = new ArrayList<>();
        boolean complete = true;
        try {
            List<R> open = open(data, way, faults, done);
            open.sort(Comparator.comparingInt(Ready::tokens)
                    .reversed()
                    .thenComparingInt(ready -> ready.item().place()));
            way.run(open, done, start);
        } catch (CancellationException e) {
            complete = false;
        } finally {
            store.flush();
        }
        done.sort(Comparator.comparingInt(ItemScore::place));
        double seconds = (System.nanoTime() - start) / 1e9;
        return TaskResult.of(model, data, options, done, faults, complete, seconds);
    }

    // Questions whose scores are stored are done; those that cannot be asked are faults.
    private <R extends Ready> List<R> open(TaskData data, Way<R> way, List<DataFault> faults, List<ItemScore> done) {
        Identity identity = identity(data);
        List<R> open = new ArrayList<>();
        for (Item item : data.items()) {
            Interruption.check();
            String key = ScoreStore.key(identity.json(), item);
            int values = way.values(item);
            Optional<Scores> known = store.get(key, values)
                    .or(() -> identity.former().flatMap(text -> store.get(ScoreStore.key(text, item), values)));
            if (known.isPresent()) {
                done.add(way.scored(item, known.get()));
                continue;
            }
            try {
                open.add(way.ready(item, key));
            } catch (TaskException e) {
                faults.add(new DataFault(item.file(), item.line(), String.valueOf(e.getMessage())));
            }
        }
        return open;
    }

    /** Most tokens read at once. */
    static int longest(LanguageModel model, ScoreOptions options) {
        int context = model.config().maxPositions();
        return options.maxTokens() == 0 ? context : Math.min(context, options.maxTokens());
    }

    // What decides the scores of a task's questions, but for the questions.
    private Identity identity(TaskData data) {
        int longest = longest(model, options);
        Identity of = ModelIdentity.of(model);
        Identity task = data.task().identity();
        Identity all = Identity.of("scores")
                .with("model", of)
                .with("task", task)
                .with("shots", data.shots())
                .with("bos", options.bos())
                .with("rounding", options.rounding())
                .with("longest", longest);
        if (options.chat()) {
            // What a template makes of a question hangs on its text, so that is part of what a score is of.
            return all.with("chat", model.tokenizer().chat().orElseThrow().hash());
        }
        if (of.former().isEmpty() || task.former().isEmpty()) {
            return all;
        }
        return all.formerly(of.former().get() + "|" + task.former().get() + "|" + data.shots() + "|" + options.bos()
                + "|" + options.rounding() + "|" + longest);
    }

    /** Choices by their likelihoods, several questions a pass. */
    private final class Likelihoods implements Way<Choices> {
        private final TaskData data;
        private final ProgressObserver observer;
        private final PairEncoder encoder = PairEncoder.of(model.tokenizer(), options, longest(model, options));

        Likelihoods(TaskData data, ProgressObserver observer) {
            this.data = data;
            this.observer = observer;
        }

        @Override
        public Choices ready(Item item, String key) {
            List<PairEncoder.Encoded> choices = encoder.encode(item);
            return new Choices(item, key, choices, PassScorer.tokens(PairEncoder.pairs(choices), options.sharing()));
        }

        @Override
        public int values(Item item) {
            return item.pairs();
        }

        @Override
        public ItemScore scored(Item item, Scores scores) {
            return new ItemScore(
                    item.place(),
                    item.file(),
                    item.line(),
                    item.gold(),
                    scores.logLikelihoods(),
                    scores.greedy(),
                    scores.excess(),
                    item.lengths(),
                    Optional.empty());
        }

        @Override
        public void run(List<Choices> open, List<ItemScore> done, long start) {
            PassScorer passes = new PassScorer(model, options);
            long total = open.stream().mapToLong(Choices::tokens).sum();
            AtomicLong scored = new AtomicLong();
            NDManager owner = model.decoder().weights().manager();
            InFlight.run(
                    owner, batches(open), batch -> passes.score(PairEncoder.pairs(choices(batch))), (batch, sums) -> {
                        int at = 0;
                        for (Choices ready : batch) {
                            Scores scores = ready.scores(sums, at);
                            at += PairEncoder.pairs(ready.choices()).size();
                            store.put(ready.key(), scores);
                            done.add(scored(ready.item(), scores));
                        }
                        store.flush();
                        scored.addAndGet(
                                batch.stream().mapToLong(Choices::tokens).sum());
                        // Told in tokens: long questions come first, so that counting questions would foretell too long
                        // a rest.
                        double seconds = (System.nanoTime() - start) / 1e9;
                        String note = done.size() + " of " + data.items().size() + " questions";
                        observer.progress(new Progress(
                                "scoring " + data.task().name(), scored.get(), total, "tokens", seconds, note));
                    });
        }

        // Questions that one pass computes together, at least one.
        private List<List<Choices>> batches(List<Choices> open) {
            List<List<Choices>> batches = new ArrayList<>();
            for (int from = 0; from < open.size(); ) {
                int to = from;
                int tokens = 0;
                while (to < open.size() && (to == from || tokens + open.get(to).tokens() <= options.batchTokens())) {
                    tokens += open.get(to).tokens();
                    to++;
                }
                batches.add(open.subList(from, to));
                from = to;
            }
            return batches;
        }

        private static List<PairEncoder.Encoded> choices(List<Choices> batch) {
            return batch.stream().flatMap(ready -> ready.choices().stream()).toList();
        }
    }
}
