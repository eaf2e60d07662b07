package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import java.util.List;
import java.util.Optional;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.TorchProgram;

/** One module's weights in a file, brought for each call. */
record StreamedModule(WeightStream stream, ModuleSite site) implements ModuleArrays {
    @Override
    public List<NDArray> plain() {
        throw refused("what asks for them keeps them, as merging, pruning, saving and full training do");
    }

    @Override
    public WeightLease take(Optional<TorchProgram> reordering) {
        return stream.take(site, reordering.isPresent());
    }

    @Override
    public List<Stored> stored() {
        throw refused("what asks for them reads them where they lie, as a step in Java does");
    }

    @Override
    public boolean isInBlocks() {
        return false;
    }

    @Override
    public long blockBytes() {
        return 0;
    }

    @Override
    public void changing() {
        throw refused("full training changes them");
    }

    @Override
    public boolean isChanging() {
        return false;
    }

    private IllegalStateException refused(String why) {
        return new IllegalStateException(
                "the weights of " + site + " are streamed: they lie in the file and are brought"
                        + " for one call at a time, but " + why
                        + "; load the model with all its layers in memory, load(name), as"
                        + " bf16 where fp32 is too large");
    }
}
