package org.skipgpt.shape;

/** The two modules of a decoder layer; each reads the residual stream and adds to it. */
public enum ModuleKind {
    ATTENTION,
    MLP;

    @Override
    public String toString() {
        return this == ATTENTION ? "attention" : "mlp";
    }
}
