package org.skipgpt.shape;

/** The seven matrices of a layer, under the names Hugging Face checkpoints and PEFT adapters give them. */
public enum Projection {
    Q("self_attn.q_proj", "q", ModuleKind.ATTENTION, LayerArray.QUERY),
    K("self_attn.k_proj", "k", ModuleKind.ATTENTION, LayerArray.KEY_VALUE),
    V("self_attn.v_proj", "v", ModuleKind.ATTENTION, LayerArray.KEY_VALUE),
    O("self_attn.o_proj", "o", ModuleKind.ATTENTION, LayerArray.OUT),
    GATE("mlp.gate_proj", "gate", ModuleKind.MLP, LayerArray.GATE_UP),
    UP("mlp.up_proj", "up", ModuleKind.MLP, LayerArray.GATE_UP),
    DOWN("mlp.down_proj", "down", ModuleKind.MLP, LayerArray.DOWN);

    private final String key;
    private final String option;
    private final ModuleKind module;
    private final LayerArray array;

    Projection(String key, String option, ModuleKind module, LayerArray array) {
        this.key = key;
        this.option = option;
        this.module = module;
        this.array = array;
    }

    /** The part of a checkpoint key after {@code model.layers.N.}, without {@code .weight}. */
    public String key() {
        return key;
    }

    /** PEFT's target name, e.g. q_proj. */
    public String target() {
        return key.substring(key.indexOf('.') + 1);
    }

    /** The module it belongs to. */
    public ModuleKind module() {
        return module;
    }

    /** The array in which it lies, alone or with others. */
    public LayerArray array() {
        return array;
    }

    /** Its option name in the decoder's TorchScript. */
    public String option() {
        return option;
    }

    /** Input width in a layer. */
    public int inputs(DecoderConfig c, int layer) {
        return this == O
                ? c.queryWidth(layer)
                : this == DOWN ? c.layer(layer).hidden() : c.layer(layer).width();
    }

    /** Output width in a layer. */
    public int outputs(DecoderConfig c, int layer) {
        switch (this) {
            case Q:
                return c.queryWidth(layer);
            case K:
            case V:
                return c.kvWidth(layer);
            case GATE:
            case UP:
                return c.layer(layer).hidden();
            case O:
                return c.layer(layer).width();
            default:
                return c.widthAfter(layer);
        }
    }
}
