package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.skipgpt.data.DataFault;
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

    /** A question cut into tokens, and how many of them a pass computes. */
    private record Ready(Item item, String key, List<PairEncoder.Encoded> choices, int tokens) {
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
                    ? new AnswerScorer(model, options, store).score(data, observer)
                    : scored(data, observer);
        }
    }

    private TaskResult scored(TaskData data, ProgressObserver observer) {
        long start = System.nanoTime();
        List<DataFault> faults = new ArrayList<>(data.faults());
        List<Ready> open = new ArrayList<>();
        List<ItemScore> done = new ArrayList<>();
        boolean complete = true;
        try {
            prepare(data, faults, open, done);
            open.sort(Comparator.comparingInt(Ready::tokens)
                    .reversed()
                    .thenComparingInt(ready -> ready.item().place()));
            run(data, open, done, observer, start);
        } catch (CancellationException e) {
            complete = false;
        } finally {
            store.flush();
        }
        done.sort(Comparator.comparingInt(ItemScore::place));
        double seconds = (System.nanoTime() - start) / 1e9;
        return TaskResult.of(model, data, options, done, faults, complete, seconds);
    }

    private void prepare(TaskData data, List<DataFault> faults, List<Ready> open, List<ItemScore> done) {
        int longest = longest(model, options);
        PairEncoder encoder = PairEncoder.of(model.tokenizer(), options, longest);
        Identity identity = identity(model, options, data);
        for (Item item : data.items()) {
            Interruption.check();
            String key = ScoreStore.key(identity.json(), item);
            int values = item.lengths().length;
            Optional<Scores> known = store.get(key, values)
                    .or(() -> identity.former().flatMap(text -> store.get(ScoreStore.key(text, item), values)));
            if (known.isPresent()) {
                done.add(scored(item, known.get()));
                continue;
            }
            try {
                List<PairEncoder.Encoded> choices = encoder.encode(item);
                open.add(new Ready(
                        item, key, choices, PassScorer.tokens(PairEncoder.pairs(choices), options.sharing())));
            } catch (TaskException e) {
                faults.add(new DataFault(item.file(), item.line(), String.valueOf(e.getMessage())));
            }
        }
    }

    /** Most tokens read at once. */
    static int longest(LanguageModel model, ScoreOptions options) {
        int context = model.config().maxPositions();
        return options.maxTokens() == 0 ? context : Math.min(context, options.maxTokens());
    }

    /** What decides the scores of a task's questions, but for the questions. */
    static Identity identity(LanguageModel model, ScoreOptions options, TaskData data) {
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

    private static ItemScore scored(Item item, Scores scores) {
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

    private void run(TaskData data, List<Ready> open, List<ItemScore> done, ProgressObserver observer, long start) {
        PassScorer passes = new PassScorer(model, options);
        long total = open.stream().mapToLong(Ready::tokens).sum();
        long scored = 0;
        for (int from = 0; from < open.size(); ) {
            Interruption.check();
            int to = from;
            int tokens = 0;
            List<PairEncoder.Encoded> choices = new ArrayList<>();
            while (to < open.size() && (to == from || tokens + open.get(to).tokens() <= options.batchTokens())) {
                tokens += open.get(to).tokens();
                choices.addAll(open.get(to).choices());
                to++;
            }
            PassScorer.Sums sums = passes.score(PairEncoder.pairs(choices));
            int at = 0;
            for (Ready ready : open.subList(from, to)) {
                Scores scores = ready.scores(sums, at);
                at += PairEncoder.pairs(ready.choices()).size();
                store.put(ready.key(), scores);
                done.add(scored(ready.item(), scores));
            }
            store.flush();
            from = to;
            scored += tokens;
            // Told in tokens: long questions come first, so that counting questions would foretell too long a rest.
            double seconds = (System.nanoTime() - start) / 1e9;
            String note = done.size() + " of " + data.items().size() + " questions";
            observer.progress(new Progress("scoring " + data.task().name(), scored, total, "tokens", seconds, note));
        }
    }
}
