package org.skipgpt.shape;

/**
 * One module of one layer.
 *
 * @param layer 0..layers-1
 * @param module attention or MLP
 */
public record ModuleSite(int layer, ModuleKind module) {
    /** Place in forward order: attention of layer 0, MLP of layer 0, attention of layer 1, ...; 0..2L-1. */
    public int index() {
        return 2 * layer + (module == ModuleKind.MLP ? 1 : 0);
    }

    /** The site at a place in forward order. */
    public static ModuleSite of(int index) {
        return new ModuleSite(index / 2, index % 2 == 0 ? ModuleKind.ATTENTION : ModuleKind.MLP);
    }

    @Override
    public String toString() {
        return module + " " + layer;
    }
}
