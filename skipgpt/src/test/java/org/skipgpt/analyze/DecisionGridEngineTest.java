package org.skipgpt.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.RoutingTrace;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.torch.Torch;

class DecisionGridEngineTest {
    @Test
    void theGridIsTheTraceTokenByToken() {
        try (NDManager manager = Torch.manager(ai.djl.Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel skipping =
                    model.withPolicy(ForcedPolicy.uniform(.5, model.config().layers(), 3));
            int[] ids = golden.ids(0);
            DecisionGrid grid = DecisionGrid.of(skipping, ids);

            RoutingTrace trace = RoutingTrace.of(skipping, ids);
            int all = Arrays.stream(grid.skippingTokens()).sum();
            assertThat(Arrays.stream(grid.skippedModules()).sum()).isEqualTo(all);
            double modules = model.config().modules();
            assertThat(all / (modules * ids.length))
                    .isCloseTo((trace.skipped(ModuleKind.ATTENTION) + trace.skipped(ModuleKind.MLP)) / 2, within(1e-9));
            assertThat(grid.data().rows()).hasSize(model.config().modules() * ids.length);
            assertThat(grid.figure().svg()).isPresent();

            DecisionGrid dense = DecisionGrid.of(model, ids);
            assertThat(dense.skippedModules()).containsOnly(0);
            assertThatThrownBy(() -> DecisionGrid.of(model, new int[0])).hasMessageContaining("a text of 0 tokens");
        }
    }
}
