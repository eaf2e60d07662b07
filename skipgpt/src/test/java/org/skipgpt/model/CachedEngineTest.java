package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/** Sequences that grow through a cache say what whole sequences say. */
public class CachedEngineTest {
    private static final double TOLERANCE = 1e-4;

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void cachedEqualsWholeUnderEveryPolicy(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            for (KvPolicy kv : KvPolicy.values()) {
                for (double share : new double[] {0, 0.6, 1}) {
                    LanguageModel model = dense.withPolicy(forced(dense, share, Pattern.UNIFORM, kv));
                    compare(model, golden.ids(0), golden.ids(1), kv + " at " + share);
                    compare(model.masked(), golden.ids(0), golden.ids(1), kv + " masked at " + share);
                    compareTogether(model, golden.ids(0), golden.ids(1), kv + " at " + share);
                    compareTogether(model.masked(), golden.ids(0), golden.ids(1), kv + " masked at " + share);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.skipgpt.model.Golden#families")
    void deferredEqualsKeepInEveryLogit(String family) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            for (Pattern pattern : Pattern.values()) {
                float[][] kept = oneByOne(dense.withPolicy(forced(dense, 0.7, pattern, KvPolicy.KEEP)), golden.ids(0));
                float[][] deferred =
                        oneByOne(dense.withPolicy(forced(dense, 0.7, pattern, KvPolicy.DEFERRED)), golden.ids(0));
                assertThat(difference(kept, deferred)).as(pattern.name()).isLessThan(1e-5);
            }
        }
    }

    @Test
    void waitingRowsAreCappedAndCounted() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel idle = dense.withPolicy(forced(dense, 1, Pattern.UNIFORM, KvPolicy.DEFERRED));
            int[] tokens = new int[250];
            Arrays.fill(tokens, 5);
            try (Session session = idle.session(1)) {
                session.append(tokens);
                assertThat(session.usedCacheBytes()).isZero();
                assertThat(session.pendingBytes()).isEqualTo(250L * 3 * 48 * 4);
            }
        }
    }

    @Test
    void nothingWaitsWhereSomeTokenAttends() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel dense = golden.model(manager);
            LanguageModel some = dense.withPolicy(forced(dense, 0.6, Pattern.UNIFORM, KvPolicy.DEFERRED));
            int[] tokens = new int[60];
            Arrays.fill(tokens, 5);
            try (Session session = some.session(2)) {
                session.append(new int[] {3}, new int[] {4});
                session.append(tokens, tokens);
                assertThat(session.pendingBytes()).isZero();
                // Of two more tokens both wait at a layer, or neither does.
                session.append(new int[] {6}, new int[] {7});
                assertThat(session.pendingBytes() % (2 * 48 * 4)).isZero();
            }
        }
    }

    @Test
    void moreWaitingRowsThanTheCapGetTheirKeysAnyway() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            DecoderConfig shape = DecoderConfig.llama(64, 32, 48, 2, 4, 2).withMaxPositions(1024);
            DecoderWeights weights = WeightLoader.random(shape, manager, Dtype.FP32, 3);
            LanguageModel dense = LanguageModel.dense("capped", "", Golden.numbers(64), shape, weights);
            LanguageModel idle = dense.withPolicy(forced(dense, 1, Pattern.UNIFORM, KvPolicy.DEFERRED));
            long rowBytes = 2 * 32 * 4;
            try (Session session = idle.session(1)) {
                for (int t = 0; t < 700; t++) {
                    session.append(new int[] {t % 64});
                    assertThat(session.pendingBytes()).isLessThanOrEqualTo(KvCache.PENDING_CAP * rowBytes);
                }
                // Every row either waits or has its keys and values, (K and V) of 16 numbers at 2 layers.
                long kept = session.usedCacheBytes() / (2 * 2 * 16 * 4);
                assertThat(kept).isPositive();
                assertThat(kept + session.pendingBytes() / rowBytes).isEqualTo(700);
            }
            LanguageModel rare = dense.withPolicy(forced(dense, 0.995, Pattern.UNIFORM, KvPolicy.DEFERRED));
            int[] ids = IntStream.range(0, 700).map(t -> t % 64).toArray();
            float[][] whole = rare.logits(ids)[0];
            assertThat(difference(oneByOne(rare, ids), whole)).isLessThan(TOLERANCE);
        }
    }

    @Test
    void skippedTokensTakeNoCacheUnderExecutedAndDroppedModulesNeverDo() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama2")) {
            LanguageModel dense = golden.model(manager);
            long keep = used(dense.withPolicy(forced(dense, 0.5, Pattern.UNIFORM, KvPolicy.KEEP)), golden.ids(0));
            LanguageModel evicting = dense.withPolicy(forced(dense, 0.5, Pattern.UNIFORM, KvPolicy.EXECUTED));
            long executed = used(evicting, golden.ids(0));
            assertThat(keep).isEqualTo(24L * 3 * 2 * 48 * 4);
            try (Session session = evicting.session(1)) {
                session.append(golden.ids(0));
                double rate = 0;
                for (int layer = 0; layer < 3; layer++) {
                    rate += session.executionRates()[2 * layer] / 3;
                }
                assertThat(executed).isEqualTo(Math.round(keep * rate)).isLessThan(keep);
            }
            assertThat(used(dense.withPolicy(new WithoutLayer(1)), golden.ids(0)))
                    .isEqualTo(keep * 2 / 3);
        }
    }

    @Test
    void forksContinueASharedBeginning() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel dense = golden.model(manager);
            for (KvPolicy kv : KvPolicy.values()) {
                LanguageModel model = dense.withPolicy(forced(dense, 0.5, Pattern.UNIFORM, kv));
                int[] start = Arrays.copyOf(golden.ids(0), 12);
                int[][] ends = {{7, 8, 9}, {40}, {3, 4, 5, 6, 7}};
                try (Session session = model.session(1)) {
                    session.append(start);
                    try (Session fork = session.fork(0, 0, 0)) {
                        float[][] scored = fork.logProbabilities(ends);
                        for (int i = 0; i < ends.length; i++) {
                            float[] whole = model.logProbabilities(joined(start, ends[i]))[0];
                            float[] tail = Arrays.copyOfRange(whole, 11, whole.length);
                            assertThat(FamilyGoldenTest.maxDifference(scored[i], tail))
                                    .isLessThan(TOLERANCE);
                        }
                        assertThat(session.lengths()).containsExactly(12);
                    }
                }
            }
        }
    }

    private static void compare(LanguageModel model, int[] a, int[] b, String what) {
        float[][][] whole = model.logits(a, b);
        float[][] grown = oneByOne(model, a);
        assertThat(difference(whole[0], grown)).as(what + ", token by token").isLessThan(TOLERANCE);
        // Single tokens, some of which skip whole modules, then the rest at once.
        try (Session session = model.session(1)) {
            for (int t = 0; t < 12; t++) {
                session.append(new int[] {a[t]});
            }
            float[] last = session.append(Arrays.copyOfRange(a, 12, a.length))[0];
            assertThat(FamilyGoldenTest.maxDifference(last, whole[0][a.length - 1]))
                    .as(what + ", the rest at once")
                    .isLessThan(TOLERANCE);
        }
        // Ragged pieces of two sequences, some of them empty.
        try (Session session = model.session(2)) {
            int[] cutA = {0, 9, 9, 10, a.length};
            int[] cutB = {0, 1, 12, b.length, b.length};
            for (int i = 0; i + 1 < cutA.length; i++) {
                float[][] next = session.append(
                        Arrays.copyOfRange(a, cutA[i], cutA[i + 1]), Arrays.copyOfRange(b, cutB[i], cutB[i + 1]));
                assertThat(FamilyGoldenTest.maxDifference(next[0], whole[0][cutA[i + 1] - 1]))
                        .as(what + ", first sequence, piece " + i)
                        .isLessThan(TOLERANCE);
                assertThat(FamilyGoldenTest.maxDifference(next[1], whole[1][cutB[i + 1] - 1]))
                        .as(what + ", second sequence, piece " + i)
                        .isLessThan(TOLERANCE);
            }
        }
    }

    private static void compareTogether(LanguageModel model, int[] a, int[] b, String what) {
        int[][] texts = {a, b, a, b};
        float[][][] whole = model.logits(texts);
        int[] at = {5, 1, 9, 3};
        try (Session session = model.session(texts.length)) {
            session.append(pieces(texts, new int[texts.length], at));
            for (int step = 0; step < 20; step++) {
                int[] from = at.clone();
                for (int s = 0; s < at.length; s++) {
                    boolean pauses = step % (s + 2) == s + 1;
                    at[s] = Math.min(texts[s].length, pauses ? at[s] : at[s] + 1);
                }
                float[][] next = session.append(pieces(texts, from, at));
                for (int s = 0; s < at.length; s++) {
                    assertThat(FamilyGoldenTest.maxDifference(next[s], whole[s][at[s] - 1]))
                            .as(what + ", together, sequence " + s + ", step " + step)
                            .isLessThan(TOLERANCE);
                }
            }
        }
    }

    private static int[][] pieces(int[][] texts, int[] from, int[] to) {
        return IntStream.range(0, texts.length)
                .mapToObj(s -> Arrays.copyOfRange(texts[s], from[s], to[s]))
                .toArray(int[][]::new);
    }

    static float[][] oneByOne(LanguageModel model, int[] ids) {
        float[][] logits = new float[ids.length][];
        try (Session session = model.session(1)) {
            for (int t = 0; t < ids.length; t++) {
                logits[t] = session.append(new int[] {ids[t]})[0];
            }
        }
        return logits;
    }

    private static long used(LanguageModel model, int[] ids) {
        try (Session session = model.session(1)) {
            session.append(ids);
            return session.usedCacheBytes();
        }
    }

    private static LayerPolicy forced(LanguageModel model, double share, Pattern pattern, KvPolicy kv) {
        return new ForcedPolicy(share, share, pattern, kv, model.config().layers(), 11);
    }

    public static double difference(float[][] a, float[][] b) {
        return FamilyGoldenTest.maxDifference(FamilyGoldenTest.flat(a), FamilyGoldenTest.flat(b));
    }

    private static int[] joined(int[] a, int[] b) {
        return IntStream.concat(Arrays.stream(a), Arrays.stream(b)).toArray();
    }
}
