package org.skipgpt.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class IdentityTest {
    private record Knobs(double share, long seed, List<Integer> layers, Optional<String> name) {}

    @Test
    void equalFactsGiveOneTextInWhateverOrder() {
        Identity one = Identity.of("skip").with("share", 0.25).with("seed", 7);
        Identity other = Identity.of("skip").with("seed", 7L).with("share", 0.25f);

        assertThat(one.json()).isEqualTo("{\"kind\":\"skip\",\"seed\":7,\"share\":0.25}");
        assertThat(one).isEqualTo(other).hasSameHashCodeAs(other);
        assertThat(Identity.parse(one.json())).isEqualTo(one);
        assertThat(one).isNotEqualTo(other.with("seed", 8));
    }

    @Test
    void aKnobAddedLaterWithItsUsualValueLeavesTheTextAsItWas() {
        Identity before = Identity.of("skip").with("share", 0.25);

        assertThat(before.with("clusters", 1, 1)).isEqualTo(before);
        assertThat(before.with("clusters", 1.0, 1)).isEqualTo(before);
        assertThat(before.with("clusters", 2, 1)).isNotEqualTo(before);
    }

    @Test
    void differencesAreToldByName() {
        Identity inner = Identity.of("skip", new Knobs(0.25, 7, List.of(1, 2), Optional.empty()));
        Identity run = Identity.of("run").with("policy", inner).with("steps", 60);
        Identity changed = Identity.of("run")
                .with("policy", Identity.of("skip", new Knobs(0.5, 7, List.of(1, 3), Optional.of("a"))))
                .with("rate", 1e-3);

        assertThat(run.differences(run)).isEmpty();
        assertThat(run.differences(changed))
                .containsExactly(
                        "policy.layers: [1,2], now [1,3]",
                        "policy.name: [], now a",
                        "policy.share: 0.25, now 0.5",
                        "rate: nothing, now 0.001",
                        "steps: 60, now nothing");
    }

    @Test
    void ofTwoKindsTheKindsAreToldAndOfLongTextsWhatDiffers() {
        Identity inner = Identity.of("skip").with("share", 0.25);
        Identity run = Identity.of("run").with("policy", inner).with("seed", Long.MAX_VALUE);

        assertThat(run.differences(run.with("policy", Identity.of("drop").with("modules", 3))))
                .containsExactly("policy.kind: skip, now drop");
        assertThat(Identity.parse(run.json()).differences(run)).isEmpty();
        assertThat(Identity.parse(run.json()).differences(run.with("seed", Long.MAX_VALUE - 1)))
                .containsExactly("seed: 9223372036854775807, now 9223372036854775806");
        String same = "a".repeat(64);
        assertThat(run.with("data", same + "b").differences(run.with("data", "c" + same)))
                .containsExactly("data: " + same + "…, now c" + same.substring(1) + "…");
        assertThat(run.with("data", same + "b").differences(run.with("data", same + "c")))
                .containsExactly("data: " + same + "b, now " + same + "c");
    }

    @Test
    void whatHasNoPlainValueIsRefusedByName() {
        assertThatThrownBy(() -> Identity.of("skip").with("model", new Object()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"model\"");
        assertThatThrownBy(() -> Identity.of("skip").with("kind", 1)).hasMessageContaining("kind");
        assertThatThrownBy(() -> Identity.parse("[1]")).hasMessageContaining("no identity");
        assertThatThrownBy(() -> Identity.parse("{")).hasMessageContaining("no identity");
    }

    @Test
    void numbersOfEveryKindHaveAText() {
        assertThat(Identity.of("n")
                        .with("a", new double[] {Double.NEGATIVE_INFINITY, 0, 1.5})
                        .with("b", Map.of("x", true))
                        .with("c", Long.MAX_VALUE)
                        .json())
                .isEqualTo("{\"a\":[\"-Infinity\",0,1.5],\"b\":{\"x\":true},\"c\":9223372036854775807,\"kind\":\"n\"}");
    }
}
