package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.model.LanguageModel;

/** The tuned folders that come with the embedded world skip what they say, and keep the paper's order against static plans. */
class WorldTunedEngineTest {
    private static final List<String> UNSEEN = SkipGpt.worldTexts(24, 200);

    @ParameterizedTest
    @CsvSource({"routers-25, 0.25", "skipgpt-25, 0.25"})
    void aShippedFolderSkipsWhatItSaysAndLosesLessThanLayers(String name, double target) {
        LanguageModel base = SkipGpt.load("world");
        LanguageModel tuned = SkipGpt.loadSkipGpt("world/" + name, base);
        double share = SkipGpt.sparsity(tuned, UNSEEN).cost().paramsOfBlocks();
        assertThat(share).isCloseTo(target, within(.04));

        LanguageModel dropped = SkipGpt.drop(
                base, SkipGpt.shortGpt(base, List.of(String.join("\n", SkipGpt.worldTexts(20, 100))), target));
        assertThat(loss(tuned)).isLessThan(loss(dropped));
    }

    @Test
    void theAdapterHealsWhatTheRoutersCost() {
        LanguageModel base = SkipGpt.load("world");
        assertThat(loss(SkipGpt.loadSkipGpt("world/skipgpt-25", base)))
                .isLessThan(loss(SkipGpt.loadSkipGpt("world/routers-25", base)));
    }

    /** Nats a token. */
    private static double loss(LanguageModel model) {
        double sum = 0;
        int tokens = 0;
        for (String text : UNSEEN) {
            for (float p : model.logProbabilities(model.tokenizer().encodeWithBos(text))[0]) {
                sum -= p;
                tokens++;
            }
        }
        return sum / tokens;
    }
}
