package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Places;
import org.skipgpt.torch.Torch;
import org.skipgpt.torch.TorchProgram;

/** Whoever frees native memory waits for those who compute with it; {@code ClosingStudy} is the long form. */
class ClosingEngineTest {
    @AfterEach
    void close() {
        Workspace.current().close();
    }

    @ParameterizedTest
    @EnumSource(Closings.Kind.class)
    void threadsThatWorkAreToldWhatWasClosed(Closings.Kind kind, @TempDir Path folder) throws InterruptedException {
        Closings closings = new Closings(7, folder);

        closings.close(kind);

        assertThat(closings.told()).containsOnlyKeys("told").containsEntry("told", 3);
    }

    @Test
    void whatATunedFolderAddsIsGivenBackAndItsBaseStays() {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel base = SkipGpt.load("world");
        float[][][] before = base.logits(new int[] {1, 5, 6});
        LanguageModel tuned = SkipGpt.loadSkipGpt("world/skipgpt-25", base);
        tuned.logits(new int[] {1, 5, 6});

        workspace.release(tuned);

        assertThatThrownBy(() -> tuned.logits(new int[] {1, 5, 6}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("what it adds to its base was released");
        assertThat(tuned.masked().toString()).endsWith(" · closed");
        assertThat(base.logits(new int[] {1, 5, 6})).isDeepEqualTo(before);
        assertThat(workspace.models()).containsExactly(base);
    }

    @Test
    void aThreadThatComputesCannotFreeWhatItComputesWith() {
        Workspace workspace = Workspace.open("cpu", "fp32");
        LanguageModel model = SkipGpt.load("world");

        try (InUse.Hold held = model.hold()) {
            assertThatThrownBy(workspace::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("this thread computes with the memory");
        }
        assertThat(model.logits(new int[] {1, 5})[0]).hasNumberOfRows(2);
    }

    @Test
    void freeingWaitsForWorkUnderWayAndWorkMayLetItGoFirst() throws InterruptedException {
        NDManager manager = Torch.manager(Device.cpu());
        InUse inUse = InUse.of(manager);
        CountDownLatch begun = new CountDownLatch(1);
        Thread closing = new Thread(() -> {
            begun.countDown();
            InUse.free(manager, List.of());
        });

        try (InUse.Hold outer = inUse.hold();
                InUse.Hold inner = inUse.hold()) {
            closing.start();
            begun.await();
            while (closing.getState() != Thread.State.TIMED_WAITING) {
                Thread.onSpinWait();
            }
            assertThat(manager.isOpen()).isTrue();
            inUse.pause();
            closing.join();
            assertThat(manager.isOpen()).isFalse();
        }
    }

    @Test
    void aProgramWhoseOwnerIsClosedSaysSo() {
        try (NDManager manager = Torch.manager(Device.cpu())) {
            NDArray x = manager.ones(new ai.djl.ndarray.types.Shape(2));
            NDArray freed = manager.ones(new ai.djl.ndarray.types.Shape(2));
            TorchProgram program =
                    TorchProgram.compile(manager, "def add(self, x: Tensor, y: Tensor) -> Tensor:\n    return x + y\n");
            freed.close();
            assertThatThrownBy(() -> program.call("add", x, freed)).hasMessageContaining("\"add\" needs is closed");
            program.close();
            assertThatThrownBy(() -> program.call("add", x, x)).hasMessageContaining("\"add\" needs is closed");
        }
    }

    @Test
    void freedArgumentsSaySoWherePlacesAreLookedAt() {
        try (NDManager manager = Torch.manager(Device.cpu());
                NDManager elsewhere = manager.newSubManager()) {
            Places.begin(elsewhere, List.of("cpu", "cpu1"));
            TorchProgram program =
                    TorchProgram.compile(manager, "def add(self, x: Tensor, y: Tensor) -> Tensor:\n    return x + y\n");
            NDArray x = manager.ones(new ai.djl.ndarray.types.Shape(2));
            NDArray freed = manager.ones(new ai.djl.ndarray.types.Shape(2));
            freed.close();
            assertThatThrownBy(() -> program.call("add", x, freed)).hasMessageContaining("\"add\" needs is closed");
            assertThatThrownBy(() -> program.call("add", freed, x)).hasMessageContaining("\"add\" needs is closed");
        }
    }
}
