package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.eval.ScoreOptions.Bos;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.tokens.Tokenizers;

class PairEncoderTest {
    private static final Tokenizer TOKENIZER =
            Tokenizers.open(Path.of("src/test/resources/golden/harness/model/tokenizer.json"));
    private static final String CHOICE = " two three four five six seven eight nine ten";

    @Test
    void versionsOfTheHarnessDifferByTheBeginningMark() {
        ScoreOptions paper = ScoreOptions.harness("0.4.2");
        assertThat(paper.bos()).isEqualTo(Bos.NEVER);
        assertThat(ScoreOptions.harness("0.4.13")).isEqualTo(paper.withBos(Bos.FAMILY));
        assertThatThrownBy(() -> ScoreOptions.harness("0.5")).hasMessageContaining("use 0.4.2 or 0.4.13");
    }

    @Test
    void theBeginningMarkStandsWhereTheSwitchSaysAndAlwaysBeforeAnEmptyContext() {
        int bos = TOKENIZER.bos().orElseThrow();
        int[] plain = tokens(Bos.NEVER, "A day");
        int[] marked = tokens(Bos.ALWAYS, "A day");

        assertThat(plain).doesNotContain(bos);
        assertThat(marked).hasSize(plain.length + 1).startsWith(bos).endsWith(plain);
        assertThat(tokens(Bos.NEVER, "")).startsWith(bos);
        assertThat(tokens(Bos.FAMILY, "A day")).isEqualTo(TOKENIZER.addsBos() ? marked : plain);
    }

    private static int[] tokens(Bos bos, String context) {
        return only(new PairEncoder(TOKENIZER, bos, 100).encode(context, " ends"))
                .tokens();
    }

    private static PairEncoder.Pair only(PairEncoder.Encoded choice) {
        assertThat(choice.windows()).hasSize(1);
        return choice.windows().get(0);
    }

    @Test
    void whatIsTooLongLosesItsBeginning() {
        String context = "one two three four";
        PairEncoder.Encoded whole = new PairEncoder(TOKENIZER, Bos.NEVER, 100).encode(context, " five");
        PairEncoder.Encoded cut = new PairEncoder(TOKENIZER, Bos.NEVER, 4).encode(context, " five");
        int[] all = only(whole).tokens();
        int[] kept = only(cut).tokens();

        assertThat(kept).hasSize(5);
        assertThat(all).hasSizeGreaterThan(5).endsWith(kept);
        assertThat(kept.length - only(cut).from())
                .isEqualTo(all.length - only(whole).from());
        assertThat(whole.excess()).isZero();
        assertThat(cut.excess()).isEqualTo(all.length - kept.length);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 8, 13, 21, 34})
    void everyTokenOfAChoiceIsPredictedOnceHoweverLittleTheModelReads(int longest) {
        PairEncoder.Pair whole = only(new PairEncoder(TOKENIZER, Bos.NEVER, 100).encode("zero one", CHOICE));
        int[] all = whole.tokens();
        PairEncoder.Encoded choice = new PairEncoder(TOKENIZER, Bos.NEVER, longest).encode("zero one", CHOICE);

        int at = whole.from();
        for (PairEncoder.Pair window : choice.windows()) {
            int[] tokens = window.tokens();
            assertThat(window.from()).isBetween(1, tokens.length - 1);
            assertThat(tokens.length - 1).isLessThanOrEqualTo(longest);
            // What it reads is what stands before the tokens it predicts, without a gap.
            at += tokens.length - window.from();
            assertThat(tokens).isEqualTo(Arrays.copyOfRange(all, at - tokens.length, at));
        }
        assertThat(at).isEqualTo(all.length);
        assertThat(choice.excess()).isEqualTo(Math.max(0, all.length - 1 - longest));
        boolean oneWindow = all.length - whole.from() <= longest;
        assertThat(choice.windows().size() == 1).isEqualTo(oneWindow);
    }

    @Test
    void theFirstWindowHoldsTheContext() {
        PairEncoder.Encoded choice = new PairEncoder(TOKENIZER, Bos.ALWAYS, 8).encode("zero", CHOICE);
        int[] context = IntStream.concat(
                        IntStream.of(TOKENIZER.bos().orElseThrow()), Arrays.stream(TOKENIZER.encode("zero")))
                .toArray();

        assertThat(choice.windows()).hasSizeGreaterThan(1);
        assertThat(choice.windows().get(0).tokens()).startsWith(context);
        assertThat(choice.windows().get(0).from()).isEqualTo(context.length);
    }

    @Test
    void aChoiceWithoutATokenOfItsOwnIsAFault() {
        assertThatThrownBy(() -> new PairEncoder(TOKENIZER, Bos.NEVER, 8).encode("one", ""))
                .isInstanceOf(TaskException.class)
                .hasMessageContaining("no token of its own");
    }
}
