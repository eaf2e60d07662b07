package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.route.RouterConfig;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchException;

class WorkspaceEngineTest {
    private static final DecoderConfig TINY = DecoderConfig.llama(3072, 32, 88, 2, 4, 2);

    @AfterEach
    void close() {
        Workspace.current().close();
    }

    @Test
    void openingANewWorkspaceFreesTheModelsOfTheOneBefore() {
        Workspace first = Workspace.open("cpu", "fp32");
        LanguageModel model = SkipGpt.random(TINY, 1);

        Workspace second = Workspace.open("cpu", "bf16");

        assertThat(first.models()).isEmpty();
        assertThat(first.toString()).isEqualTo("workspace · closed");
        assertThat(model.decoder().weights().manager().isOpen()).isFalse();
        assertThat(second.dtype()).isEqualTo(Dtype.BF16);
        assertThatThrownBy(first::manager)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("Workspace.current()");
    }

    @Test
    void aModelOverSeveralPlacesSaysTheSameUntilItIsReleased() {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel one = SkipGpt.load("world");

        LanguageModel several = SkipGpt.load("world", "cpu1=1, cpu");

        assertThat(several.logits(new int[] {5, 6, 7})).isDeepEqualTo(one.logits(new int[] {5, 6, 7}));
        assertThat(several.hash()).isEqualTo(one.hash());
        assertThat(SkipGpt.placement("world", "cpu1=1, cpu").text()).contains("cpu1", "moves the stream 2 times");
        assertThatThrownBy(() -> SkipGpt.load("world", "gpu7=1, cpu"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"gpu7\" is none of [cpu");
        workspace.release(several);
        assertThatThrownBy(() -> several.logits(new int[] {5})).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aWorkspaceOfAllDevicesPlacesModelsByItself() {
        Workspace workspace = Workspace.open("auto", "fp32");

        assertThat(workspace.isSpread()).isTrue();
        assertThat(workspace.devices()).hasSameElementsAs(Torch.devices());
        assertThat(workspace.toString()).contains("auto: ", "cpu");
        LanguageModel placed = SkipGpt.load("world");
        LanguageModel mapped = SkipGpt.load("world", "auto");
        assertThat(placed.logits(new int[] {5, 6})).isDeepEqualTo(mapped.logits(new int[] {5, 6}));
    }

    @Test
    void aModelWhoseLayersStayInTheFileSaysTheSameUntilItIsReleased() {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel held = SkipGpt.load("world");
        assertThat(held.reads()).isEmpty();

        LanguageModel streamed = SkipGpt.load("world", "streamed");

        assertThat(streamed.logits(new int[] {5, 6, 7})).isDeepEqualTo(held.logits(new int[] {5, 6, 7}));
        assertThat(streamed.hash()).isEqualTo(held.hash());
        assertThat(streamed.reads().orElseThrow().bytes())
                .isEqualTo(SkipGpt.placement("world", "streamed").bytesOfAPass());
        assertThat(SkipGpt.placement("world").text()).contains("all layers are in memory");
        assertThatThrownBy(() -> SkipGpt.load("world", "cuda:7")).hasMessageContaining("none of [cpu] and streamed");
        workspace.release(streamed);
        assertThatThrownBy(() -> streamed.logits(new int[] {5}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("load it again");
        assertThat(held.logits(new int[] {5})).isNotEmpty();
    }

    @Test
    void aModelOfAClosedWorkspaceSaysSoWhateverIsAskedOfIt() {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel released = SkipGpt.random(TINY, 2);
        LanguageModel model = SkipGpt.withRouters(SkipGpt.random(TINY, 1), RouterConfig.defaults());
        assertThat(model.toString()).doesNotContain("closed");
        workspace.release(released);
        Workspace.open("cpu", "fp32");

        for (ThrowingCallable verb : List.<ThrowingCallable>of(
                () -> released.logits(new int[] {1, 2}),
                () -> model.logits(new int[] {1, 2}),
                () -> SkipGpt.generate(model, "The red kite"),
                () -> SkipGpt.sparsity(model, List.of("The red kite")),
                () -> SkipGpt.tuneRouters(model, List.of("The red kite.", "A blue whale."), 0.25),
                () -> SkipGpt.save(model, "nowhere/at-all"),
                () -> SkipGpt.loadSkipGpt("nowhere", model),
                () -> model.withAdapter(new Adapter(Set.of(), 1, Map.of())),
                model::differentiable)) {
            assertThatThrownBy(verb)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("was closed by a newer workspace(...)")
                    .hasMessageContaining("load it again");
        }
        assertThat(model.toString()).endsWith(" · closed");
    }

    @Test
    void weightsAreHashedOnAnInterruptedThreadToo(@TempDir Path folder) throws IOException {
        Workspace.open("cpu", "fp32");
        Path copy = folder.resolve("model");
        try (Stream<Path> files = Files.list(Path.of("../datasets/world/model"))) {
            Files.createDirectories(copy);
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        LanguageModel model = SkipGpt.load(copy.toString());

        Thread.currentThread().interrupt();
        String hash = model.hash();

        assertThat(Thread.interrupted()).isTrue();
        assertThat(hash).matches("[0-9a-f]{64}");
    }

    @Test
    void theSameSeedGivesTheSameModel() {
        Workspace.open("cpu", "fp32");
        int[] ids = SkipGpt.tokenizer().encode("The red kite");

        float[][][] once = SkipGpt.random(TINY, 5).logits(ids);
        float[][][] again = SkipGpt.random(TINY, 5).logits(ids);
        float[][][] other = SkipGpt.random(TINY, 6).logits(ids);

        assertThat(again).isDeepEqualTo(once);
        assertThat(other[0][0]).isNotEqualTo(once[0][0]);
    }

    @Test
    void releasingAModelKeepsTheOthers() {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel first = SkipGpt.random(TINY, 1);
        LanguageModel second = SkipGpt.random(TINY, 2);

        workspace.release(first);

        assertThat(workspace.models()).containsExactly(second);
        assertThat(second.logits(new int[] {1, 2})[0]).hasNumberOfRows(2);
    }

    @Test
    void aHuggingFaceFolderIsLoadedWithItsTokenizerAndItsIdentity() {
        Workspace workspace = Workspace.open("cpu", "fp32");

        LanguageModel model = SkipGpt.load("src/test/resources/golden/harness/model");

        assertThat(workspace.latest()).contains(model);
        assertThat(model.name()).isEqualTo("model");
        assertThat(model.hash()).matches("[0-9a-f]{16,}");
        assertThat(SkipGpt.tokens("a b").ids())
                .isEqualTo(SkipGpt.tokens(model, "a b").ids());
        assertThat(SkipGpt.generate(model, "a b").newTokens()).isPositive();
    }

    @Test
    void aFailedLoadLeavesNothingBehind() {
        Workspace workspace = Workspace.open("cpu", "fp32");

        assertThatThrownBy(() -> SkipGpt.load("no/such/model")).hasMessageContaining("no/such/model");
        assertThatThrownBy(() -> SkipGpt.random(DecoderConfig.llama(100, 32, 88, 2, 4, 2), 1))
                .hasMessageContaining("vocabulary 100 is too small");
        assertThat(workspace.models()).isEmpty();
    }

    @Test
    void aDeviceThatIsNotHereIsAnErrorAndTheOpenWorkspaceStays() {
        Workspace open = Workspace.open("cpu", "fp32");

        assertThatThrownBy(() -> Workspace.open("gpu7", "fp32"))
                .isInstanceOf(TorchException.class)
                .hasMessageContaining("gpu7");
        assertThatThrownBy(() -> Workspace.open("cpu", "fp8"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("fp8");
        assertThat(Workspace.current()).isSameAs(open);
    }
}
