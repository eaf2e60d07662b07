package org.skipgpt.eval;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.skipgpt.data.DataFault;
import org.skipgpt.model.Continuation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.StopReason;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Interruption;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

/**
 * Generates the answers of a task greedily, several questions at once; the longest come first, so that those of a batch are
 * of like length.
 *
 * <p>A question that leaves no room for an answer loses its beginning, as in lm-evaluation-harness. An interrupted thread ends
 * the run and keeps the answers that were finished.
 */
final class AnswerScorer {
    private static final int TOGETHER = 16;

    private final LanguageModel model;
    private final ScoreOptions options;
    private final ScoreStore store;

    AnswerScorer(LanguageModel model, ScoreOptions options, ScoreStore store) {
        this.model = model;
        this.options = options;
        this.store = store;
    }

    /** A question cut into tokens. */
    private record Ready(Item item, String key, PairEncoder.Prompt prompt) {}

    TaskResult score(TaskData data, ProgressObserver observer) {
        long start = System.nanoTime();
        AnswerRules rules = data.task().answer().orElseThrow();
        List<DataFault> faults = new ArrayList<>(data.faults());
        List<ItemScore> done = new ArrayList<>();
        boolean complete = true;
        try {
            List<Ready> open = prepare(data, rules, faults, done);
            open.sort(Comparator.comparingInt((Ready ready) -> ready.prompt().tokens().length)
                    .reversed()
                    .thenComparingInt(ready -> ready.item().place()));
            run(data, rules, open, done, observer, start);
        } catch (CancellationException e) {
            complete = false;
        } finally {
            store.flush();
        }
        done.sort(Comparator.comparingInt(ItemScore::place));
        double seconds = (System.nanoTime() - start) / 1e9;
        return TaskResult.of(model, data, options, done, faults, complete, seconds);
    }

    private List<Ready> prepare(TaskData data, AnswerRules rules, List<DataFault> faults, List<ItemScore> done) {
        int longest = Scorer.longest(model, options);
        int room = longest - rules.maxTokens();
        if (room < 1) {
            throw new TaskException(
                    "task \"" + data.task().name() + "\" asks for answers of up to " + rules.maxTokens()
                            + " tokens, but " + longest
                            + " tokens are read at once, which leaves none for a question: take a model with a longer context, or a description of your own with a smaller maxTokens");
        }
        PairEncoder encoder = PairEncoder.of(model.tokenizer(), options, longest);
        Identity identity = Scorer.identity(model, options, data);
        List<Ready> open = new ArrayList<>();
        for (Item item : data.items()) {
            Interruption.check();
            String key = ScoreStore.key(identity.json(), item);
            Optional<Scores> known = store.get(key, 0);
            if (known.isPresent()) {
                done.add(scored(item, rules, known.get()));
                continue;
            }
            try {
                open.add(new Ready(item, key, encoder.prompt(item.contexts().get(0), room)));
            } catch (TaskException e) {
                faults.add(new DataFault(item.file(), item.line(), String.valueOf(e.getMessage())));
            }
        }
        return open;
    }

    private void run(
            TaskData data,
            AnswerRules rules,
            List<Ready> open,
            List<ItemScore> done,
            ProgressObserver observer,
            long start) {
        GenerationOptions how = GenerationOptions.defaults()
                .withMaxTokens(rules.maxTokens())
                .withStop(rules.stop().toArray(new String[0]));
        int from = 0;
        while (from < open.size()) {
            Interruption.check();
            int to = from;
            int tokens = 0;
            while (to < open.size()
                    && to - from < TOGETHER
                    && (to == from || tokens + size(open.get(to), rules) <= options.batchTokens())) {
                tokens += size(open.get(to), rules);
                to++;
            }
            List<Ready> batch = open.subList(from, to);
            int[][] prompts =
                    batch.stream().map(ready -> ready.prompt().tokens()).toArray(int[][]::new);
            List<Continuation> answers = model.generateIds(how, prompts).continuations();
            for (int i = 0; i < batch.size(); i++) {
                if (answers.get(i).stopped() == StopReason.INTERRUPTED) {
                    throw new CancellationException("interrupted");
                }
                Scores scores = Scores.answered(
                        answers.get(i).text(), batch.get(i).prompt().excess());
                store.put(batch.get(i).key(), scores);
                done.add(scored(batch.get(i).item(), rules, scores));
            }
            store.flush();
            from = to;
            observer.progress(new Progress(
                    "answering " + data.task().name(),
                    from,
                    open.size(),
                    "questions",
                    (System.nanoTime() - start) / 1e9,
                    right(done) + " of " + done.size() + " right"));
        }
    }

    private static int size(Ready ready, AnswerRules rules) {
        return ready.prompt().tokens().length + rules.maxTokens();
    }

    private static long right(List<ItemScore> done) {
        return done.stream().filter(item -> item.greedy()[0]).count();
    }

    private static ItemScore scored(Item item, AnswerRules rules, Scores scores) {
        String answer = scores.answer().orElseThrow();
        List<String> accepted =
                item.continuations().stream().map(text -> text.substring(1)).toList();
        return new ItemScore(
                item.place(),
                item.file(),
                item.line(),
                item.gold(),
                scores.logLikelihoods(),
                new boolean[] {rules.accepts(answer, accepted)},
                scores.excess(),
                item.lengths(),
                scores.answer());
    }
}
