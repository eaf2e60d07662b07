package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.torch.Torch;

/** Drafted text is the dense model's own, whoever drafts. */
class SelfSpeculationEngineTest {
    private static final GenerationOptions OPTIONS =
            GenerationOptions.defaults().withoutEnd().withMaxTokens(40);

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void theTextIsThatOfTheDenseModel(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            int layers = dense.config().layers();
            for (DecodingStep step : new DecodingStep[] {DecodingStep.ENGINE, DecodingStep.JAVA}) {
                LanguageModel whole = dense.withStep(step);
                int[] wanted = whole.generateIds(OPTIONS, golden.ids(0))
                        .continuations()
                        .get(0)
                        .tokens();
                for (double share : new double[] {0, 0.3, 1}) {
                    for (Pattern pattern : new Pattern[] {Pattern.UNIFORM, Pattern.BY_LAYER}) {
                        LanguageModel drafter = whole.withPolicy(
                                ForcedPolicy.uniform(share, layers, 5).withPattern(pattern));
                        SelfSpeculation told = SelfSpeculation.run(whole, drafter, 3, OPTIONS, golden.ids(0));

                        assertThat(told.continuation().tokens())
                                .as("%s, %s, share %s, %s", family, step, share, pattern)
                                .containsExactly(wanted);
                        assertThat(told.continuation().stopped()).isEqualTo(StopReason.MAX_TOKENS);
                        assertThat(told.accepted()).isLessThanOrEqualTo(told.drafted());
                        assertThat(told.accepted() + told.checks()).isBetween(39L, 42L);
                    }
                }
            }
        }
    }

    @Test
    void aDrafterThatSkipsNothingIsNeverWrong() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            SelfSpeculation told = SelfSpeculation.run(dense, dense, 4, OPTIONS, golden.ids(0));

            assertThat(told.acceptedShare()).isEqualTo(1);
            assertThat(told.checks()).isEqualTo(8); // 39 tokens behind the first one, five a check
            assertThat(told.skipped()).isZero();
            assertThat(told.text()).contains("31 of 31 drafts kept (100.0 %)");
        }
    }

    @Test
    void aStopTextOrAFullContextEndsInTheMiddleOfADraft() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            int[] prompt = golden.ids(0);
            GenerationOptions narrow = OPTIONS.withContext(prompt.length + 9);
            Continuation wanted =
                    dense.generateIds(narrow, prompt).continuations().get(0);
            Continuation told =
                    SelfSpeculation.run(dense, dense, 4, narrow, prompt).continuation();
            assertThat(told.tokens()).containsExactly(wanted.tokens());
            assertThat(told.stopped()).isEqualTo(StopReason.CONTEXT_FULL).isEqualTo(wanted.stopped());

            String piece = " " + wanted.tokens()[5];
            GenerationOptions stopped = OPTIONS.withStop(piece);
            wanted = dense.generateIds(stopped, prompt).continuations().get(0);
            told = SelfSpeculation.run(dense, dense, 4, stopped, prompt).continuation();
            assertThat(told.stopped()).isEqualTo(StopReason.STOP_TEXT);
            assertThat(told.text()).isEqualTo(wanted.text());
        }
    }

    @Test
    void whatCannotBeTakenBackOrFollowedIsRefused() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3");
                Golden other = Golden.family("qwen3")) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            LanguageModel lost = dense.withPolicy(
                    ForcedPolicy.uniform(0.3, dense.config().layers(), 5).withKvPolicy(KvPolicy.EXECUTED));

            assertThatThrownBy(() -> SelfSpeculation.run(dense, lost, 4, OPTIONS, ids))
                    .hasMessageContaining("KvPolicy.KEEP");
            assertThatThrownBy(() -> SelfSpeculation.run(dense, other.model(manager), 4, OPTIONS, ids))
                    .hasMessageContaining("same weights");
            assertThatThrownBy(() -> SelfSpeculation.run(dense, dense, 0, OPTIONS, ids))
                    .hasMessageContaining("ahead 0");
            assertThatThrownBy(() -> SelfSpeculation.run(dense, dense, 4, OPTIONS.withTemperature(1), ids))
                    .hasMessageContaining("withTemperature(0)");
            assertThatThrownBy(() -> SelfSpeculation.run(dense, dense, 4, OPTIONS, new int[0]))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("no token");
            assertThatThrownBy(() -> SelfSpeculation.run(dense, dense, 4, OPTIONS, new int[] {-1}))
                    .hasMessageContaining("outside the vocabulary");
        }
    }
}
