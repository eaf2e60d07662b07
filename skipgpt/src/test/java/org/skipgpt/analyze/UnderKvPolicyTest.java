package org.skipgpt.analyze;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.Rows;
import org.skipgpt.report.Identity;
import org.skipgpt.shape.ModuleSite;

/** Another K/V policy changes nothing else of a policy. */
class UnderKvPolicyTest {
    @Test
    void sessionsMeasuredUnderAnotherPolicyDecideAsSessionsDo() {
        LayerPolicy under = new UnderKvPolicy(new Kind("as it is"), KvPolicy.EXECUTED);

        assertThat(under.settled()).isEqualTo(new UnderKvPolicy(new Kind("settled"), KvPolicy.EXECUTED));
        assertThat(under.withLogits()).isEqualTo(new UnderKvPolicy(new Kind("told"), KvPolicy.EXECUTED));
        assertThat(under.identity())
                .isNotEqualTo(new UnderKvPolicy(new Kind("other"), KvPolicy.EXECUTED).identity())
                .isNotEqualTo(new UnderKvPolicy(new Kind("as it is"), KvPolicy.KEEP).identity());
    }

    private record Kind(String name) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            return Decision.all();
        }

        @Override
        public LayerPolicy settled() {
            return new Kind("settled");
        }

        @Override
        public LayerPolicy withLogits() {
            return new Kind("told");
        }

        @Override
        public Identity identity() {
            return Identity.of("kind", this);
        }

        @Override
        public String describe() {
            return name;
        }
    }
}
