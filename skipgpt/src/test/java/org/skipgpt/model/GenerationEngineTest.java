package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.torch.Torch;

/** Continuations of tiny checkpoints; the greedy ones are what Hugging Face transformers generates. */
class GenerationEngineTest {
    private static final GenerationOptions EIGHT =
            GenerationOptions.defaults().withMaxTokens(8).withoutEnd();

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void greedyTokensEqualTransformersInABatchOfUnequalPrompts(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            Generation result = golden.model(manager).generateIds(EIGHT, golden.ids(0), golden.ids(1));

            for (int i = 0; i < 2; i++) {
                assertThat(result.continuations().get(i).tokens())
                        .as("prompt %d", i)
                        .isEqualTo(golden.integers("greedy." + i));
                assertThat(result.continuations().get(i).stopped()).isEqualTo(StopReason.MAX_TOKENS);
            }
            assertThat(result.text()).contains("cpu", "fp32", "keep", "tokens/s");
        }
    }

    @Test
    void samplingFollowsTheSeedAndOneCandidateIsGreedy() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            GenerationOptions hot = EIGHT.withTemperature(1.5).withSeed(4);
            int[] once = tokens(model, hot, golden.ids(0));

            assertThat(tokens(model, hot, golden.ids(0))).isEqualTo(once);
            assertThat(tokens(model, hot.withSeed(5), golden.ids(0))).isNotEqualTo(once);
            int[] greedy = tokens(model, EIGHT, golden.ids(0));
            assertThat(once).isNotEqualTo(greedy);
            assertThat(tokens(model, hot.withTopK(1), golden.ids(0))).isEqualTo(greedy);
            assertThat(tokens(model, hot.withTopP(1e-9), golden.ids(0))).isEqualTo(greedy);
        }
    }

    @Test
    void aStrongPenaltyForbidsRepetition() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            GenerationOptions never = EIGHT.withMaxTokens(40).withRepetitionPenalty(1e6);
            int[] tokens = tokens(golden.model(manager), never, golden.ids(0));
            assertThat(tokens).doesNotHaveDuplicates();
            assertThat(Arrays.stream(tokens).boxed().toList())
                    .doesNotContainAnyElementsOf(
                            Arrays.stream(golden.ids(0)).boxed().toList());
        }
    }

    @Test
    void streamedPiecesMakeTheTextAndAStopTextEndsIt() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            int[] greedy = golden.integers("greedy.0");
            String prompt = model.tokenizer().decode(golden.ids(0));
            List<String> pieces = new ArrayList<>();

            Generation whole = model.generate(EIGHT, pieces::add, prompt);
            assertThat(String.join("", pieces)).isEqualTo(whole.first());
            assertThat(pieces).hasSizeGreaterThan(4);

            pieces.clear();
            Generation cut = model.generate(EIGHT.withStop(" " + greedy[2] + " "), pieces::add, prompt);
            assertThat(cut.continuations().get(0).stopped()).isEqualTo(StopReason.STOP_TEXT);
            assertThat(cut.first()).isEqualTo(greedy[0] + " " + greedy[1]);
            assertThat(String.join("", pieces)).isEqualTo(cut.first());
        }
    }

    @Test
    void theContextEndsAContinuationAndALongerPromptIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            Continuation full = model.generateIds(EIGHT.withContext(27), golden.ids(0))
                    .continuations()
                    .get(0);
            assertThat(full.tokens()).hasSize(3);
            assertThat(full.stopped()).isEqualTo(StopReason.CONTEXT_FULL);
            assertThatThrownBy(() -> model.generateIds(EIGHT.withContext(20), golden.ids(0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("24")
                    .hasMessageContaining("20");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, 1_000_000})
    void anIdOutsideTheVocabularyIsRefused(int id) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            assertThatThrownBy(() -> model.generateIds(EIGHT, golden.ids(0), new int[] {1, id}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("token id " + id + " in prompt 1")
                    .hasMessageContaining("0.." + (model.config().vocabulary() - 1));
        }
    }

    @Test
    void interruptionBetweenTokensKeepsWhatIsThere() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            int[] seen = {0};
            Generation result = model.generate(
                    EIGHT.withMaxTokens(200),
                    piece -> {
                        if (++seen[0] == 3) {
                            Thread.currentThread().interrupt();
                        }
                    },
                    model.tokenizer().decode(golden.ids(0)));

            assertThat(Thread.interrupted()).isTrue();
            assertThat(result.continuations().get(0).stopped()).isEqualTo(StopReason.INTERRUPTED);
            assertThat(result.continuations().get(0).tokens()).hasSize(3);
        }
    }

    @Test
    void interruptionBeforeTheFirstTokenClaimsNothing() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            Thread.currentThread().interrupt();
            Generation result = model.generateIds(EIGHT, golden.ids(0));

            assertThat(Thread.interrupted()).isTrue();
            assertThat(result.continuations().get(0).stopped()).isEqualTo(StopReason.INTERRUPTED);
            assertThat(result.skipped()).isZero();
            assertThat(result.text())
                    .contains("interrupted before the first token")
                    .doesNotContain("NaN", "skipped", "0.000", "tokens/s");
        }
    }

    @Test
    void withoutAPromptThereIsNothingToTell() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            Generation result = golden.model(manager).generateIds(EIGHT);

            assertThat(result.text())
                    .contains("no prompt")
                    .doesNotContain("NaN", "skipped", "0.000", "tokens/s", "interrupted");
            assertThatThrownBy(result::first)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("0 continuations");
        }
    }

    @Test
    void onlyTimesThatWereMeasuredAreTold() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            String none =
                    model.generateIds(EIGHT.withMaxTokens(0), golden.ids(0)).text();
            String one =
                    model.generateIds(EIGHT.withMaxTokens(1), golden.ids(0)).text();

            assertThat(none).contains("prompts in", "no new token").doesNotContain("NaN", "tokens/s", "first token");
            assertThat(one).contains("first token after").doesNotContain("NaN", "tokens/s");
        }
    }

    @Test
    void aMaskedModelSaysThatItsTimesShowNoSkipping() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            LanguageModel half =
                    model.withPolicy(ForcedPolicy.uniform(0.5, model.config().layers(), 1));

            Generation masked = half.masked().generateIds(EIGHT, golden.ids(0));
            assertThat(masked.execution()).isEqualTo(Execution.MASKED);
            assertThat(masked.text()).contains(" · masked · ", "say nothing about skipping");
            assertThat(half.generateIds(EIGHT, golden.ids(0)).text()).doesNotContain("masked");
        }
    }

    @Test
    void rowsThatWaitForTheirKeysCount() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel model = golden.model(manager);
            ForcedPolicy policy = ForcedPolicy.uniform(0.9, model.config().layers(), 1);
            LanguageModel deferred = model.withPolicy(policy.withKvPolicy(KvPolicy.DEFERRED));
            Generation result = deferred.generateIds(EIGHT, golden.ids(0));

            try (Session session = deferred.session(1)) {
                session.append(golden.ids(0));
                int[] tokens = result.continuations().get(0).tokens();
                for (int t = 0; t + 1 < tokens.length; t++) {
                    session.append(new int[] {tokens[t]});
                }
                assertThat(session.pendingBytes()).isPositive();
                assertThat(result.cacheBytes()).isEqualTo(session.usedCacheBytes() + session.pendingBytes());
            }
        }
    }

    private static int[] tokens(LanguageModel model, GenerationOptions options, int[] prompt) {
        return model.generateIds(options, prompt).continuations().get(0).tokens();
    }
}
