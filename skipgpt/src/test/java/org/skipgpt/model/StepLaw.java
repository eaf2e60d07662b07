package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.skipgpt.model.ForcedPolicy.Pattern;
import org.skipgpt.torch.Torch;

/**
 * What every way of computing one new token is held to: it says what the engine's step says.
 *
 * @param step the way
 * @param tolerance how far a logit may lie from the engine's
 */
record StepLaw(DecodingStep step, double tolerance) {
    /** Bytes that a session holds when a text is read: of keys and values, and of rows that wait. */
    record Held(long used, long pending) {
        static Held of(Session session) {
            return new Held(session.usedCacheBytes(), session.pendingBytes());
        }
    }

    /** Both sessions' bytes. */
    record Both(Held engine, Held own) {}

    /** What a way is held to beside the law. */
    @FunctionalInterface
    interface More {
        void check(Both held, String what);
    }

    /** Under every K/V policy, at several shares, behind prompts of several lengths. */
    void everyPolicy(String family, More more) {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family(family)) {
            LanguageModel dense = golden.model(manager);
            for (KvPolicy kv : KvPolicy.values()) {
                for (double share : new double[] {0, 0.6, 1}) {
                    LanguageModel model = dense.withPolicy(new ForcedPolicy(
                            share, share, Pattern.UNIFORM, kv, dense.config().layers(), 11));
                    for (int prompt : new int[] {0, 1, 12}) {
                        String what = kv + " at " + share + " behind a prompt of " + prompt;
                        more.check(read(model, golden.ids(0), prompt, what), what);
                    }
                }
            }
        }
    }

    /** Reads a prompt at once and the rest of a text token by token, both ways. */
    Both read(LanguageModel model, int[] ids, int prompt, String what) {
        try (Session expected = model.withStep(DecodingStep.ENGINE).session(1);
                Session session = model.withStep(step).session(1)) {
            expected.append(Arrays.copyOf(ids, prompt));
            session.append(Arrays.copyOf(ids, prompt));
            for (int at = prompt; at < ids.length; at++) {
                float[] theirs = expected.append(new int[] {ids[at]})[0];
                float[] ours = session.append(new int[] {ids[at]})[0];
                assertThat(FamilyGoldenTest.maxDifference(ours, theirs))
                        .as("%s, token %d", what, at)
                        .isLessThan(tolerance);
            }
            assertThat(session.executionRates()).as(what).isEqualTo(expected.executionRates());
            return new Both(Held.of(expected), Held.of(session));
        }
    }
}
