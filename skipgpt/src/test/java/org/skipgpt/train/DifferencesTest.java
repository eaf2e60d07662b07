package org.skipgpt.train;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DifferencesTest {
    private static final String HASH = "0123456789abcdef".repeat(4);

    @Test
    void onlyWhatDiffersIsNamed() {
        String saved = run(60, RouterTuningConfig.paper(0.25), HASH);

        assertThat(Differences.between(saved, run(30, RouterTuningConfig.paper(0.25), HASH)))
                .isEqualTo("steps: saved 60, now 30");
        assertThat(Differences.between(
                        saved, run(60, RouterTuningConfig.paper(0.5).withRho(0.5), HASH)))
                .isEqualTo("target: saved 0.25, now 0.5; rho: saved 1.0, now 0.5");
        assertThat(Differences.between(saved, run(60, RouterTuningConfig.paper(0.25), "fedc".repeat(16))))
                .isEqualTo("model, text or routers: saved 0123456789ab…, now fedcfedcfedc…");
        assertThat(Differences.between(saved, "LoRA tuning · steps 60"))
                .isEqualTo("task: saved router tuning, now LoRA tuning");
        assertThat(Differences.between(saved, saved + " · drawn")).isEqualTo("setting: saved nothing, now drawn");
        assertThat(Differences.between("", saved)).startsWith("task: saved , now router tuning");
    }

    private static String run(long steps, RouterTuningConfig config, String hash) {
        return "router tuning · " + config
                + " · llama · 1.0M parameters · 2 layers × (attention 4/2 heads of 8, mlp 88) · " + hash
                + " · 1.0 · steps " + steps + " · " + LearningRate.constant(2e-3) + " · seed 43";
    }
}
