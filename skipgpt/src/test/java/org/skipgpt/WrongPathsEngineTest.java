package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.lora.Lora;
import org.skipgpt.lora.LoraConfig;
import org.skipgpt.lora.PeftFolder;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.shape.DecoderConfig;

/** Paths that hold something else than a verb needs: the error says what it is and which verb reads it. */
class WrongPathsEngineTest {
    private static final Path HARNESS = Path.of("src/test/resources/golden/harness");
    private static final Path MODEL = HARNESS.resolve("model");

    private static LanguageModel base;

    private final Path folder;

    WrongPathsEngineTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @BeforeAll
    static void open() {
        Workspace.open("cpu", "fp32");
        base = SkipGpt.random(DecoderConfig.llama(3072, 32, 88, 2, 4, 2), 1);
    }

    @AfterAll
    static void close() {
        Workspace.current().close();
    }

    @Test
    void whatWasTunedIsNoModelOfItsOwn() {
        String tuned = folder.resolve("tuned").toString();
        String adapter = folder.resolve("adapter").toString();
        LanguageModel routed = SkipGpt.withRouters(base, RouterConfig.defaults());
        SkipGpt.save(routed, tuned);
        peft(adapter);

        loading(tuned).hasMessageContaining("loadSkipGpt(\"" + tuned + "\", base)");
        loading(tuned + "/skipgpt.json").hasMessageContaining("loadSkipGpt(\"" + tuned + "\", base)");
        loading(adapter).hasMessageContaining("PeftFolder.read(");
        loading(adapter + "/adapter_model.safetensors").hasMessageContaining("PeftFolder.read(");
        loading("").hasMessageContaining("the name is empty");
        for (String path : new String[] {"", MODEL.toString(), adapter, folder + "/nothing", tuned + "/skipgpt.json"}) {
            assertThatThrownBy(() -> SkipGpt.loadSkipGpt(path, base))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("no SkipGPT folder at \"" + path + "\"");
        }
        assertThatThrownBy(() -> SkipGpt.loadSkipGpt(MODEL.toString(), base))
                .hasMessageContaining("load(\"" + MODEL + "\")");
        assertThatThrownBy(() -> SkipGpt.loadSkipGpt(adapter, base)).hasMessageContaining("PeftFolder.read(");
    }

    @Test
    void aFileOfAModelNamesItsFolder() throws IOException {
        loading(MODEL + "/config.json").hasMessageContaining("load(\"" + MODEL + "\")");
        loading(MODEL + "/tokenizer.json").hasMessageContaining("load(\"" + MODEL + "\")");
        loading(HARNESS.toString()).hasMessageContaining("load(\"" + MODEL + "\")");
        loading(written("notes.txt", "hello".getBytes(StandardCharsets.UTF_8))).hasMessageContaining("it is no model");
        loading(written("model.pth", new byte[] {'P', 'K', 3, 4})).hasMessageContaining("pickled by PyTorch");
        loading(written("pytorch_model.bin", new byte[] {'P', 'K', 3, 4})).hasMessageContaining("pickled by PyTorch");
        loading(written("lone.safetensors", new byte[8])).hasMessageContaining("weights alone");
        loading(written("tok512.bin", new byte[8])).hasMessageContaining("it is a tokenizer");
        loading(written("broken.bin", new byte[40])).hasMessageContaining("llama2.c");
    }

    @Test
    void aFolderOfLlama2cModelsNamesThem() throws IOException {
        written("b.bin", llama2c());
        String first = written("a.bin", llama2c());
        written("tok8.bin", llama2c());

        loading(folder.toString())
                .hasMessageContaining("the llama2.c models a.bin, b.bin")
                .hasMessageContaining("load(\"" + first + "\")");
    }

    @Test
    void whatCannotBeWrittenNamesWhatIsInTheWay() throws IOException {
        LanguageModel routed = SkipGpt.withRouters(base, RouterConfig.defaults());
        String file = written("file", new byte[1]);
        String adapter = folder.resolve("adapter").toString();
        peft(adapter);

        writing(() -> SkipGpt.save(routed, "")).hasMessageContaining("\"\" is no name of a folder");
        writing(() -> SkipGpt.save(routed, "/proc/ck1"))
                .hasMessageStartingWith("/proc/ck1 cannot be written")
                .hasMessageContaining("nothing can be made in /proc.");
        writing(() -> SkipGpt.save(routed, "/proc/a/b")).hasMessageContaining("nothing can be made in /proc.");
        writing(() -> SkipGpt.save(routed, file + "/tuned")).hasMessageContaining(file + " is a file, not a folder");
        writing(() -> peft("/proc/adapter")).hasMessageContaining("nothing can be made in /proc.");
        writing(() -> peft(file)).hasMessageContaining(file + " is a file, not a folder");
        writing(() -> peft(adapter)).hasMessageContaining("nothing is overwritten");
        assertThat(folder).isDirectoryNotContaining(path -> path.toString().endsWith(".tmp"));
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() {
        LanguageModel wider = SkipGpt.random(DecoderConfig.llama(3072, 64, 88, 2, 4, 2), 1);
        LanguageModel deeper = SkipGpt.random(DecoderConfig.llama(3072, 32, 88, 3, 4, 2), 1);
        LanguageModel flatter = SkipGpt.random(DecoderConfig.llama(3072, 32, 88, 1, 4, 2), 1);
        Adapter adapter = Lora.init(base.scope(), base.config(), LoraConfig.defaults(), 1);

        assertThat(base.withAdapter(adapter).adapter()).contains(adapter);
        assertThatThrownBy(() -> wider.withAdapter(adapter))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected (rank, 64)")
                .hasMessageContaining("and 4 more")
                .hasMessageContaining("give it to the model it was tuned for");
        assertThatThrownBy(() -> deeper.withAdapter(adapter)).hasMessageContaining("of layer 2 has no factors");
        assertThatThrownBy(() -> flatter.withAdapter(adapter))
                .hasMessageContaining("it corrects 2 layers, this model has 1");
    }

    private static void peft(String where) {
        LoraConfig config = LoraConfig.defaults().withRank(2);
        Adapter adapter = Lora.init(base.scope(), base.config(), config, 1);
        PeftFolder.write(Path.of(where), adapter, config, base.config(), "base");
    }

    private static AbstractThrowableAssert<?, ?> loading(String path) {
        return assertThatThrownBy(() -> SkipGpt.load(path)).as(path).isInstanceOf(CheckpointException.class);
    }

    private static AbstractThrowableAssert<?, ?> writing(Runnable verb) {
        return assertThatThrownBy(verb::run).isInstanceOf(CheckpointException.class);
    }

    private String written(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes).toString();
    }

    /** A model of one layer: dim 4, hidden 4, one head, 8 tokens, context 4. */
    private static byte[] llama2c() {
        int floats = 8 * 4 + 4 + 4 * 16 + 4 + 3 * 16 + 4 + 4 * 4;
        ByteBuffer bytes = ByteBuffer.allocate(28 + 4 * floats).order(ByteOrder.LITTLE_ENDIAN);
        for (int size : new int[] {4, 4, 1, 1, 1, 8, 4}) {
            bytes.putInt(size);
        }
        return bytes.array();
    }
}
