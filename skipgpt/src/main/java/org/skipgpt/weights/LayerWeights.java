package org.skipgpt.weights;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.TorchProgram;

/** The weights of one layer, fused the way the forward pass reads them. */
public final class LayerWeights {
    private final ModuleArrays attention;
    private final ModuleArrays mlp;
    private final Map<ModuleKind, NDArray> shortcuts;

    /**
     * Takes the arrays.
     *
     * @param attention norm (D) where the family has it, wq (HE, D), wkv (2GE, D), wo (D, HE), then where the family has them
     *     bq (HE), bkv (2GE), qnorm (E) or (HE), knorm (E) or (GE), postnorm (D): the argument order of the decoder's attention
     *     methods
     * @param mlp norm (D) where the family has it, wgu (2F, D), wd (D, F), then postnorm (D) where the family has it
     */
    public LayerWeights(List<NDArray> attention, List<NDArray> mlp) {
        this(new ModuleWeights(attention), new ModuleWeights(mlp), Map.of());
    }

    /** Takes what is held in either way, in the same order. */
    static LayerWeights held(List<Stored> attention, List<Stored> mlp) {
        return new LayerWeights(ModuleWeights.of(attention), ModuleWeights.of(mlp), Map.of());
    }

    private LayerWeights(ModuleArrays attention, ModuleArrays mlp, Map<ModuleKind, NDArray> shortcuts) {
        this.attention = attention;
        this.mlp = mlp;
        this.shortcuts = shortcuts;
    }

    /**
     * The same with matrices on the residual, {@code x R + f(norm(x))}.
     *
     * @param ofAttention (w, w) fp32, rows the stream that leaves attention
     * @param ofMlp (w', w) fp32, rows the stream that leaves the layer
     */
    public LayerWeights withShortcuts(NDArray ofAttention, NDArray ofMlp) {
        return new LayerWeights(attention, mlp, Map.of(ModuleKind.ATTENTION, ofAttention, ModuleKind.MLP, ofMlp));
    }

    /** The same with the matrices on the residual that another layer has, where it has some. */
    public LayerWeights withShortcutsOf(LayerWeights other) {
        return new LayerWeights(attention, mlp, other.shortcuts);
    }

    /** The matrix on the residual at a module, (out, in); most layers have none. */
    public Optional<NDArray> shortcut(ModuleKind module) {
        return Optional.ofNullable(shortcuts.get(module));
    }

    /**
     * Takes arrays some of which another model holds too: those stay open whatever becomes of this one.
     *
     * @param owner owns what this model makes of them
     * @param own those that are this model's alone, freed when a copy in the kernels' order takes their place
     */
    public static LayerWeights sharing(
            NDManager owner, List<NDArray> attention, List<NDArray> mlp, Collection<NDArray> own) {
        Optional<NDManager> maker = Optional.of(owner);
        return new LayerWeights(
                new ModuleWeights(attention, maker, array -> own.stream().anyMatch(one -> one == array)),
                new ModuleWeights(mlp, maker, array -> own.stream().anyMatch(one -> one == array)),
                Map.of());
    }

    /** A layer of a file whose modules are brought when they are called. */
    static LayerWeights streamed(WeightStream stream, int layer) {
        return new LayerWeights(
                new StreamedModule(stream, new ModuleSite(layer, ModuleKind.ATTENTION)),
                new StreamedModule(stream, new ModuleSite(layer, ModuleKind.MLP)),
                Map.of());
    }

    /** The attention module's arrays in the constructor's order. */
    public List<NDArray> attention() {
        return attention.plain();
    }

    /** The MLP module's arrays in the constructor's order. */
    public List<NDArray> mlp() {
        return mlp.plain();
    }

    /** The weights of one module. */
    public List<NDArray> of(ModuleKind module) {
        return weights(module).plain();
    }

    /**
     * The weights of one module for one call; close the result behind it. Blocks are widened for it alone, unless {@link #of} has been
     * asked for the arrays, which then stay.
     *
     * @param reordering for programs that take matrices in the order in which the CPU's kernels read them: what reorders
     * @throws org.skipgpt.io.CheckpointException if they are brought from a file that changed or is damaged
     */
    public WeightLease take(ModuleKind module, Optional<TorchProgram> reordering) {
        return weights(module).take(reordering);
    }

    /** Whether its modules stay in the file and are brought when they are called. */
    public boolean isStreamed() {
        return attention instanceof StreamedModule;
    }

    /** Where a module is brought from when it is called; empty where it is in memory. */
    Optional<StreamedModule> streamed(ModuleKind module) {
        return weights(module) instanceof StreamedModule streamed ? Optional.of(streamed) : Optional.empty();
    }

    /** A module's matrices and vectors as they are held, blocks as blocks, in the constructor's order. */
    public List<Stored> stored(ModuleKind module) {
        return weights(module).stored();
    }

    /** Whether some matrices are held in blocks. */
    public boolean isInBlocks() {
        return attention.isInBlocks() || mlp.isInBlocks();
    }

    long blockBytes() {
        return attention.blockBytes() + mlp.blockBytes();
    }

    /** Says that the arrays will change in place: no reordered copy is kept from now on. */
    void changing() {
        attention.changing();
        mlp.changing();
    }

    boolean isChanging() {
        return attention.isChanging() || mlp.isChanging();
    }

    private ModuleArrays weights(ModuleKind module) {
        return module == ModuleKind.ATTENTION ? attention : mlp;
    }
}
