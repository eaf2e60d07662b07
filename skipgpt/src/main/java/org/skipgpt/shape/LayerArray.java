package org.skipgpt.shape;

/**
 * What an array of a layer is, by the name that the decoder's TorchScript has for it. Which of them a layer has, and in which
 * order, is in {@link LayerTensors} alone.
 */
public enum LayerArray {
    /** The norm before a module. */
    NORM("norm"),
    QUERY("wq"),
    /** Keys over values. */
    KEY_VALUE("wkv"),
    OUT("wo"),
    QUERY_BIAS("bq"),
    KEY_VALUE_BIAS("bkv"),
    QUERY_NORM("qnorm"),
    KEY_NORM("knorm"),
    /** Gates over what goes up. */
    GATE_UP("wgu"),
    DOWN("wd"),
    /** The norm behind a module. */
    POST_NORM("postnorm");

    private final String argument;

    LayerArray(String argument) {
        this.argument = argument;
    }

    /** Its name in the decoder's TorchScript. */
    public String argument() {
        return argument;
    }
}
