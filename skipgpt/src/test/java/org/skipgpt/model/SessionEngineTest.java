package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** What a session promises besides numbers: it is whole or says that it is not, and takes no more than it needs. */
class SessionEngineTest {
    private final NDManager manager = Torch.manager(Device.cpu());
    private final Golden golden = Golden.family("llama2");
    private final LanguageModel dense = golden.model(manager);

    @BeforeEach
    void begin() {
        assertThat(Thread.interrupted()).isFalse();
    }

    @AfterEach
    void end() {
        golden.close();
        manager.close();
    }

    @Test
    void tooLongASequenceNamesBothLengths() {
        int most = dense.config().maxPositions();
        String expected = (most + 1) + " tokens but the context holds " + most;
        int[] tooLong = new int[most + 1];

        try (Session session = dense.session(1)) {
            assertThatThrownBy(() -> session.append(tooLong))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(expected);
        }
        assertThatThrownBy(() -> dense.logits(new int[] {1}, tooLong)).hasMessageContaining(expected);
        assertThat(dense.logProbabilities(tooLong)[0]).hasSize(most);
        assertThatThrownBy(() -> dense.logProbabilities(new int[most + 2])).hasMessageContaining("the context holds");
    }

    @Test
    void aRefusalLeavesASessionAsItWas() {
        int vocabulary = dense.config().vocabulary();
        try (Session session = dense.session(1)) {
            float[] before = session.append(golden.ids(0))[0];

            assertThatThrownBy(() -> session.append(new int[] {1, vocabulary})).hasMessageContaining("vocabulary");
            assertThatThrownBy(() -> session.logProbabilities(new int[] {-1})).hasMessageContaining("vocabulary");
            assertThatThrownBy(() -> session.logProbabilities()).hasMessageContaining("0 token arrays for 1");
            assertThatThrownBy(() -> session.fork(3)).hasMessageContaining("no sequence 3");
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> session.append(new int[] {1})).isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();

            assertThat(session.append(new int[0])[0]).containsExactly(before);
            assertThat(session.lengths()).containsExactly(golden.ids(0).length);
        }
        assertThatThrownBy(() -> dense.session(-1)).hasMessageContaining("expected 0 or more");
    }

    @Test
    void aSessionStoppedInsideAPassSaysThatItIsIncomplete() {
        LanguageModel model = dense.withPolicy(new Watched(new AtomicInteger(), true));
        try (Session session = model.session(1)) {
            assertThatThrownBy(() -> session.append(new int[200])).isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();

            assertThatThrownBy(() -> session.append(new int[] {1}))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("incomplete");
            assertThatThrownBy(() -> session.fork(0)).hasMessageContaining("incomplete");
        }
    }

    @Test
    void aClosedSessionSaysSo() {
        Session session = dense.session(1);
        session.close();

        assertThatThrownBy(() -> session.append(new int[] {1})).hasMessageContaining("closed");
    }

    @Test
    void whatASessionGivesIsTheCallers() {
        try (Session session = dense.session(1)) {
            float[] next = session.append(golden.ids(0))[0];
            float expected = Logits.logProbability(next, 5);
            next[5] = Float.NEGATIVE_INFINITY; // as one who samples would

            try (Session fork = session.fork(0)) {
                assertThat(fork.logProbabilities(new int[] {5})[0][0]).isEqualTo(expected);
            }
            assertThat(session.logProbabilities(new int[] {5})[0][0]).isEqualTo(expected);
        }
    }

    @Test
    void aLongPromptBesideShortOnesTakesFewPasses() {
        AtomicInteger passes = new AtomicInteger();
        int[][] prompts = new int[64][1];
        prompts[0] = new int[dense.config().maxPositions()];

        try (Session session = dense.withPolicy(new Watched(passes, false)).session(prompts.length)) {
            session.append(prompts);
        }

        // the short ones with a share of it, then the rest of it
        assertThat(passes.get()).isEqualTo(2);
    }

    /** The whole stream's arrays that are alive when a pass ends do not grow with the number of layers. */
    @ParameterizedTest
    @EnumSource(KvPolicy.class)
    void aPassKeepsTheArraysOfOneLayer(KvPolicy kv) {
        int[] ids = new int[200];
        for (double share : new double[] {0, 0.02, 0.6}) {
            ForcedPolicy policy = new ForcedPolicy(
                    share, share, Pattern.UNIFORM, kv, dense.config().layers(), 7);
            for (Execution execution : Execution.values()) {
                String what = kv + " " + share + " " + execution;
                try (NDManager scope = dense.scope()) {
                    dense.decoder().forward(dense.decoder().rows(scope, ids), policy, execution, Trace.none());
                    assertThat(streams(scope, ids.length)).as(what).isLessThanOrEqualTo(2);
                }
                try (NDManager scope = dense.scope();
                        KvCache cache = new KvCache(
                                dense.scope(), dense.decoder().calls().programs(), dense.config(), 1, ids.length)) {
                    Decoder decoder = dense.decoder().inference();
                    new CachedDecoder(decoder, policy, execution, DecodingStep.FASTEST, cache)
                            .forward(decoder.rows(scope, ids));
                    assertThat(streams(scope, ids.length)).as(what + ", cached").isLessThanOrEqualTo(2);
                }
            }
        }
    }

    private long streams(NDManager scope, int rows) {
        return scope.getManagedArrays().stream()
                .filter(array -> array.size() > (long) rows * dense.config().width() / 4)
                .count();
    }

    /** Executes everything, counts passes, and interrupts its thread in the first one where asked to. */
    private record Watched(AtomicInteger passes, boolean interrupts) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            if (site.index() == 0) {
                passes.incrementAndGet();
                if (interrupts) {
                    Thread.currentThread().interrupt();
                }
            }
            return Decision.all();
        }

        @Override
        public Identity identity() {
            return Identity.of("watched");
        }

        @Override
        public String describe() {
            return "watched";
        }
    }
}
