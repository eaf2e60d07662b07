package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** One new token computed by calls of fixed shapes says what the engine's step says. */
class FixedStepEngineTest {
    // The kernel sums scores under a mask in another order.
    private static final double TOLERANCE = 1e-4;

    private static final StepLaw LAW = new StepLaw(DecodingStep.FIXED, TOLERANCE);

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void everyLogitEqualsTheEnginesUnderEveryPolicy(String family) {
        LAW.everyPolicy(family, FixedStepEngineTest::holdNoMore);
    }

    /** Places beyond the first bucket, and a cache that has grown several times. */
    @ParameterizedTest
    @EnumSource
    void aTextLongerThanABucketIsRead(KvPolicy kv) {
        DecoderConfig shape = DecoderConfig.llama(64, 16, 32, 2, 4, 2).withMaxPositions(512);
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 3);
            LanguageModel model = LanguageModel.dense("random", "", Golden.numbers(64), shape, weights)
                    .withPolicy(new ForcedPolicy(0.4, 0.4, Pattern.CLUSTERED, kv, shape.layers(), 3));
            int[] ids = IntStream.range(0, FixedStep.BUCKET + 12)
                    .map(i -> i * 7 % shape.vocabulary())
                    .toArray();

            compare(model, ids, FixedStep.BUCKET - 8, "across the end of a bucket");
            int[] first = Arrays.copyOf(ids, 40);
            compare(model.withPolicy(new RowStepEngineTest.Halving(kv)), first, 3, "weighted");
        }
    }

    /** The engine's passes and this step write one cache, in any order. */
    @Test
    void passesOfManyRowsAndOfOneFollowEachOther() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("gemma2")) {
            LanguageModel dense = golden.model(manager);
            int[] ids = golden.ids(0);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel model = dense.withPolicy(new ForcedPolicy(
                        0.5, 0.5, Pattern.UNIFORM, kv, dense.config().layers(), 5));
                float[] whole = model.logits(ids)[0][ids.length - 1];
                try (Session session = model.withStep(DecodingStep.FIXED).session(1)) {
                    int at = 0;
                    float[] last = {};
                    for (int rows : new int[] {1, 3, 1, 1, 4}) {
                        last = session.append(new int[][] {Arrays.copyOfRange(ids, at, at + rows)})[0];
                        at += rows;
                    }
                    while (at < ids.length) {
                        last = session.append(new int[][] {{ids[at++]}})[0];
                    }
                    assertThat(FamilyGoldenTest.maxDifference(last, whole))
                            .as(kv.name())
                            .isLessThan(TOLERANCE);
                }
            }
        }
    }

    @Test
    void itSaysWhoComputes() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            assertThat(golden.model(manager).withStep(DecodingStep.FIXED).decoding())
                    .contains("engine", "fixed shapes");
        }
    }

    private static void compare(LanguageModel model, int[] ids, int prompt, String what) {
        holdNoMore(LAW.read(model, ids, prompt, what), what);
    }

    private static void holdNoMore(StepLaw.Both held, String what) {
        assertThat(held.own().used()).as(what).isLessThanOrEqualTo(held.engine().used());
    }
}
