package org.skipgpt.eval;

import java.util.List;
import java.util.concurrent.CancellationException;
import org.skipgpt.model.Continuation;
import org.skipgpt.model.GenerationOptions;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.StopReason;
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
final class AnswerScorer implements Scorer.Way<AnswerScorer.Asked> {
    private static final int TOGETHER = 16;

    private final LanguageModel model;
    private final ScoreOptions options;
    private final ScoreStore store;
    private final String task;
    private final AnswerRules rules;
    private final ProgressObserver observer;
    private final PairEncoder encoder;
    private final int room;

    /**
     * A way of asking.
     *
     * @throws TaskException if the longest answer leaves no room for a question
     */
    AnswerScorer(
            LanguageModel model,
            ScoreOptions options,
            ScoreStore store,
            TaskDescription task,
            ProgressObserver observer) {
        int longest = Scorer.longest(model, options);
        this.model = model;
        this.options = options;
        this.store = store;
        this.task = task.name();
        this.rules = task.answer().orElseThrow();
        this.observer = observer;
        this.encoder = PairEncoder.of(model.tokenizer(), options, longest);
        this.room = longest - rules.maxTokens();
        if (room < 1) {
            throw new TaskException("task \"" + task.name() + "\" asks for answers of up to " + rules.maxTokens()
                    + " tokens, but " + longest + " tokens are read at once, which leaves none for a question: take a"
                    + " model with a longer context, or a description of your own with a smaller maxTokens");
        }
    }

    /** A question cut into tokens. */
    record Asked(Item item, String key, PairEncoder.Prompt prompt) implements Scorer.Ready {
        @Override
        public int tokens() {
            return prompt.tokens().length;
        }
    }

    @Override
    public Asked ready(Item item, String key) {
        return new Asked(item, key, encoder.prompt(item.contexts().get(0), room));
    }

    @Override
    public int values(Item item) {
        return 0;
    }

    @Override
    public void run(List<Asked> open, List<ItemScore> done, long start) {
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
                    && (to == from || tokens + size(open.get(to)) <= options.batchTokens())) {
                tokens += size(open.get(to));
                to++;
            }
            List<Asked> batch = open.subList(from, to);
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
                done.add(scored(batch.get(i).item(), scores));
            }
            store.flush();
            from = to;
            observer.progress(new Progress(
                    "answering " + task,
                    from,
                    open.size(),
                    "questions",
                    (System.nanoTime() - start) / 1e9,
                    right(done) + " of " + done.size() + " right"));
        }
    }

    private int size(Asked asked) {
        return asked.tokens() + rules.maxTokens();
    }

    private static long right(List<ItemScore> done) {
        return done.stream().filter(item -> item.greedy()[0]).count();
    }

    @Override
    public ItemScore scored(Item item, Scores scores) {
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
