package org.skipgpt.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.skipgpt.model.ForcedPolicy;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.ProgressObserver;
import org.skipgpt.torch.Torch;

class OwnModelEngineTest {
    @Test
    void whatIsLeftOutIsMeasuredInEachTest() {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel model = golden.model(manager);
            LanguageModel skipping =
                    model.withPolicy(ForcedPolicy.uniform(0.4, model.config().layers(), 1));
            SpeedTest read = new SpeedTest(SpeedTest.Kind.PREFILL, 200, 0, 2);
            SpeedTest write = new SpeedTest(SpeedTest.Kind.DECODE, 6, 100, 1);

            SpeedResult result = SpeedBench.run(
                    "tiny",
                    List.of(read, write),
                    List.of(new OwnModel(model), new OwnModel(skipping)),
                    3,
                    ProgressObserver.silent());

            assertThat(result.rows()).hasSize(4);
            assertThat(result.rows().get(0).skipped()).isZero();
            assertThat(result.rows().get(0).eta()).isNaN();
            assertThat(result.rows().get(1).skipped()).isEqualTo(0.4, within(0.05));
            assertThat(result.rows().get(3).skipped()).isEqualTo(0.4, within(0.12));
            assertThat(new OwnModel(model).name()).contains("dense");
            result.rows().forEach(row -> assertThat(row.rate()).isPositive());
        }
    }
}
