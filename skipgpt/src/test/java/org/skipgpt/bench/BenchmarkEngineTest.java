package org.skipgpt.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.CachedEngineTest;
import org.skipgpt.model.Decision;
import org.skipgpt.model.FamilyGoldenTest;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.model.Golden;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.model.Session;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Torch;

/** What the three turns of a benchmark compute, and what is left of one that was stopped. */
class BenchmarkEngineTest {
    private static final double TOLERANCE = 1e-4;

    @Test
    void theMaskedTurnComputesEveryModuleAndItsNumbersAreThoseOfThePackedOne() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            int layers = dense.config().layers();
            for (Pattern pattern : Pattern.values()) {
                for (double share : new double[] {0, 0.6, 1}) {
                    LayerPolicy policy = new ForcedPolicy(share, share, pattern, KvPolicy.KEEP, layers, 3);
                    LanguageModel packed = dense.withPolicy(policy).alwaysPacked();
                    LanguageModel masked =
                            dense.withPolicy(new EveryModule(policy)).masked();

                    assertThat(CachedEngineTest.difference(
                                    masked.logits(golden.ids(0))[0], packed.logits(golden.ids(0))[0]))
                            .as("%s at %s", pattern, share)
                            .isLessThan(TOLERANCE);
                    allGated(dense, new EveryModule(policy), golden.ids(0));
                    allGated(dense, new EveryModule(policy), new int[] {5});
                }
            }
            LayerPolicy evicting = new ForcedPolicy(0.6, 0.6, Pattern.BY_LAYER, KvPolicy.EXECUTED, layers, 3);
            assertThat(used(dense.withPolicy(new EveryModule(evicting)).masked(), golden.ids(0)))
                    .isEqualTo(used(dense, golden.ids(0)));
        }
    }

    private static void allGated(LanguageModel model, LayerPolicy policy, int[] ids) {
        try (NDManager scope = model.scope()) {
            Rows rows = model.decoder().rows(scope, ids);
            NDArray x = model.decoder().embed(rows);
            for (ModuleSite site : model.config().sites()) {
                Decision decision = policy.decide(site, x, x, rows);
                assertThat(decision.isAll() || decision.isNone()).isFalse();
                assertThat(policy.isDropped(site)).isFalse();
            }
        }
    }

    @Test
    void layersSkippedAsAWholeKeepNoKeys() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel dense = golden.model(manager);
            int layers = dense.config().layers();
            LayerPolicy policy = new ForcedPolicy(0.34, 0.34, Pattern.BY_LAYER, KvPolicy.KEEP, layers, 3);
            LanguageModel skipping = dense.withPolicy(policy);

            assertThat(used(skipping, golden.ids(0))).isEqualTo(used(dense, golden.ids(0)) * (layers - 1) / layers);
            try (Session session = skipping.session(1)) {
                float[] last = session.append(golden.ids(0))[0];
                float[][] whole = skipping.logits(golden.ids(0))[0];
                assertThat(FamilyGoldenTest.maxDifference(last, whole[whole.length - 1]))
                        .isLessThan(TOLERANCE);
            }
        }
    }

    private static long used(LanguageModel model, int[] ids) {
        try (Session session = model.session(1)) {
            session.append(ids);
            return session.usedCacheBytes();
        }
    }

    @Test
    void stoppedWhileDecodingBeginsItKeepsPrefill() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager).withPolicy(new StopsAt(16));
            BenchmarkOptions options = BenchmarkOptions.defaults()
                    .withPrefill(1, 8)
                    .withDecode(16, 4)
                    .withRepeats(3);

            BenchmarkResult result = Benchmark.run(model, options);

            assertThat(Thread.interrupted()).isTrue();
            assertThat(result.rows())
                    .singleElement()
                    .satisfies(row -> assertThat(row.phase()).isEqualTo("prefill 1 x 8"));
            assertThat(result.complete()).isFalse();
            assertThat(result.text()).contains("interrupted");
        }
    }

    @Test
    void aContextThatIsTooShortIsToldBeforeAnythingRuns() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);

            assertThatThrownBy(() -> Benchmark.run(model, BenchmarkOptions.defaults()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("1024", "256", "withPrefill");
        }
    }

    /** Executes everything and interrupts its thread in a pass over some number of rows. */
    private record StopsAt(int size) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            if (rows.size() == size) {
                Thread.currentThread().interrupt();
            }
            return Decision.all();
        }

        @Override
        public Identity identity() {
            return Identity.of("stops", this);
        }

        @Override
        public String describe() {
            return "stops at " + size;
        }
    }
}
