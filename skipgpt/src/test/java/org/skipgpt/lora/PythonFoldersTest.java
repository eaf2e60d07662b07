package org.skipgpt.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import com.google.gson.Gson;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.WeightSaver;

/** Folders written here, read by peft and transformers; runs where SKIPGPT_PYTHON names a Python that has them. */
@EnabledIfEnvironmentVariable(named = "SKIPGPT_PYTHON", matches = ".+")
class PythonFoldersTest {
    @Test
    void peftAndTransformersGetOurLogits(@TempDir Path work) throws Exception {
        try (NDManager manager = Torch.manager(Device.cpu());
                Golden golden = Golden.family("llama3")) {
            LanguageModel base = golden.model(manager);
            LoraConfig config = LoraConfig.defaults().withRank(3);
            Adapter adapter = Lora.init(manager, base.config(), config, 7);
            adapter.pairs().values().forEach(p -> p.b().addi(0.05f));
            LanguageModel adapted = base.withAdapter(adapter);
            LanguageModel merged = Lora.merge(adapted, manager);
            int[] ids = golden.ids(0);

            PeftFolder.write(work.resolve("adapter"), adapter, config, base.config(), "llama3");
            WeightSaver.save(
                    merged.config(),
                    merged.decoder().weights(),
                    Dtype.FP32,
                    merged.tokenizer(),
                    work,
                    work.resolve("merged"));
            Map<String, Object> expected =
                    Map.of("ids", ids, "adapter", adapted.logits(ids)[0], "merged", merged.logits(ids)[0]);
            Files.writeString(work.resolve("expected.json"), new Gson().toJson(expected));
            Process probe =
                    new ProcessBuilder(System.getenv("SKIPGPT_PYTHON"), "-c", "import peft, transformers").start();
            assumeTrue(probe.waitFor() == 0, "SKIPGPT_PYTHON has no peft or no transformers");
            Process python = new ProcessBuilder(
                            System.getenv("SKIPGPT_PYTHON"),
                            Golden.root().resolve("peft/check_folders.py").toString(),
                            Golden.root().resolve("families/llama3").toString(),
                            work.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(work.resolve("out.txt").toFile())
                    .start();

            assertThat(python.waitFor(300, TimeUnit.SECONDS)).isTrue();
            assertThat(python.exitValue())
                    .as(Files.readString(work.resolve("out.txt")))
                    .isZero();
        }
    }
}
