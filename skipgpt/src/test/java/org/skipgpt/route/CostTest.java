package org.skipgpt.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleSite;

class CostTest {
    private static final DecoderConfig SEVEN = DecoderConfig.llama(32000, 4096, 11008, 32, 32, 32);
    private static final DecoderConfig EIGHT = DecoderConfig.llama(128256, 4096, 14336, 32, 32, 8);

    private static Cost cost(DecoderConfig model, KvPolicy kv) {
        return Cost.of(model, RouterConfig.defaults(), kv, .45, .15, 2048, 2);
    }

    @Test
    void paperRatioOfSevenAndEightBillion() {
        assertThat(cost(SEVEN, KvPolicy.KEEP).modules()).isCloseTo(.30, within(1e-12));
        assertThat(cost(SEVEN, KvPolicy.KEEP).paramsOfBlocks()).isCloseTo(.249, within(.0006));
        assertThat(cost(EIGHT, KvPolicy.KEEP).paramsOfBlocks()).isCloseTo(.208, within(.0006));
    }

    @Test
    void keptKeysAndValuesAreNotIdle() {
        assertThat(cost(SEVEN, KvPolicy.KEEP).idle()).isCloseTo(.175, within(.0006));
        assertThat(cost(EIGHT, KvPolicy.KEEP).idle()).isCloseTo(.190, within(.0006));
        assertThat(cost(SEVEN, KvPolicy.EXECUTED).idle())
                .isEqualTo(cost(SEVEN, KvPolicy.EXECUTED).paramsOfBlocks());
    }

    @Test
    void sharesOfAllWeightsAndOfOperationsCountEmbeddingAndHead() {
        Cost cost = cost(SEVEN, KvPolicy.KEEP);
        // This shape's head is its embedding, so it has one table where LLaMA-2-7B has two.
        double all = 6738.4e6 - 32000 * 4096;
        assertThat(cost.paramsOfAll() / cost.paramsOfBlocks()).isCloseTo(6476.0e6 / all, within(1e-4));
        double attention = 2 * 67.108864e6 + 4.0 * 4096 * 2048;
        double dense = 32 * (attention + 2 * 135.266304e6) + 2.0 * 32000 * 4096;
        double saved = 32 * (.45 * (attention - 4.0 * 4096 * 4096) + .15 * 2 * 135.266304e6);
        assertThat(cost.flops()).isCloseTo(saved / dense, within(1e-9));
        assertThat(cost.routerFlops()).isCloseTo(2.0 * cost.routerParameters() / dense, within(1e-12));
        assertThat(cost(SEVEN, KvPolicy.EXECUTED).flops())
                .isCloseTo(32 * (.45 * attention + .15 * 2 * 135.266304e6) / dense, within(1e-9));
        assertThat(cost(SEVEN, KvPolicy.DEFERRED).text()).contains("bytes a token at most");
    }

    @Test
    void whatIsForcedIsToldInOneOrderInEveryProcess() {
        assertThat(ForcedExecution.none().withLayers(Set.of(11, 3, 7, 0)).toString())
                .isEqualTo("ForcedExecution[firstTokens=0, layers=[0, 3, 7, 11]]");
        assertThat(ExecutionBounds.none()
                        .with(ModuleSite.of(5), 0, .5)
                        .with(ModuleSite.of(2), .5, 1)
                        .own()
                        .keySet())
                .containsExactly(ModuleSite.of(2), ModuleSite.of(5));
    }

    @Test
    void linearRoutersHoldHalfAMillionNumbersAndMlpRoutersFourPercent() {
        assertThat(cost(SEVEN, KvPolicy.KEEP).routerParameters()).isEqualTo(64 * (2 * 4096 + 2));
        long official = Cost.of(SEVEN, RouterConfig.official(), KvPolicy.KEEP, 0, 0, 1, 2)
                .routerParameters();
        assertThat(official / 6738.4e6).isCloseTo(.0399, within(.0002));
    }

    @Test
    void cacheShrinksOnlyWhereSkippedTokensLeaveNothing() {
        assertThat(cost(SEVEN, KvPolicy.KEEP).cacheBytes()).isEqualTo(2.0 * 4096 * 32 * 2);
        assertThat(cost(SEVEN, KvPolicy.EXECUTED).cacheBytes()).isCloseTo(2.0 * 4096 * 32 * 2 * .55, within(1e-6));
    }

    @Test
    void budgetWeightsAddUpToOneForEveryKind() {
        for (Budget.Kind kind : Budget.Kind.values()) {
            double sum = 0;
            for (float w : Budget.of(.25).withKind(kind).weights(EIGHT)) {
                sum += w;
            }
            assertThat(sum).as("%s", kind).isCloseTo(1, within(1e-5));
        }
        assertThat(Budget.of(.25).withKind(Budget.Kind.PARAMS).rate(SEVEN, .45, .15))
                .isCloseTo(cost(SEVEN, KvPolicy.KEEP).paramsOfBlocks(), within(1e-12));
    }

    @Test
    void badSettingsSayWhatIsAllowed() {
        assertThatThrownBy(() -> Budget.of(1.5)).hasMessageContaining("1.5").hasMessageContaining("between 0 and 1");
        assertThatThrownBy(() -> Budget.of(Double.NaN)).hasMessageContaining("between 0 and 1");
        assertThatThrownBy(() -> new Temperature.Constant(0)).hasMessageContaining("above 0");
        assertThatThrownBy(() -> new ExecutionBounds(.5, .2)).hasMessageContaining("least <= most");
        assertThatThrownBy(() -> Thresholds.of(2)).hasMessageContaining("between 0 and 1");
        assertThatThrownBy(() -> new RouterConfig(
                        RouterConfig.Form.LINEAR, RouterConfig.Input.MODULE, RouterConfig.Norm.NONE, true, 0, true))
                .hasMessageContaining("withInput(LAYER)");
    }

    @Test
    void temperaturesMeetTheirEnds() {
        assertThat(Temperature.paper().at(0, 10)).isEqualTo(5);
        assertThat(Temperature.paper().at(5, 10)).isEqualTo(3);
        assertThat(Temperature.paper().at(10, 10)).isEqualTo(1);
        assertThat(new Temperature.Cosine(5, 1).at(5, 10)).isCloseTo(3, within(1e-12));
        assertThat(new Temperature.Cosine(5, 1).at(12, 10)).isCloseTo(1, within(1e-12));
    }
}
