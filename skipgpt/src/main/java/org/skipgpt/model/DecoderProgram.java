package org.skipgpt.model;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerArray;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.shape.LayerTensors;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.Projection;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Processor;
import org.skipgpt.torch.TorchProgram;
import org.skipgpt.torch.TorchSource;

/** Fills the decoder's TorchScript template from a configuration and compiles it. */
final class DecoderProgram {
    /** Rows of the output head computed at once: bounds the logits held in memory. */
    static final int HEAD_ROWS = 512;

    /** The arithmetic, and what makes it fast. */
    private static final String[] PARTS = {
        "decoder.torchscript", "attend.torchscript", "cache.torchscript", "rows.torchscript", "fixed.torchscript"
    };

    private static final Set<LayerArray> OF_QUERY = EnumSet.of(LayerArray.QUERY_BIAS, LayerArray.QUERY_NORM);
    private static final Set<LayerArray> OF_KEY_VALUE = EnumSet.of(LayerArray.KEY_VALUE_BIAS, LayerArray.KEY_NORM);

    private final NDManager owner;
    private final DecoderConfig config;
    private final Dtype dtype;
    private final boolean inference;
    private final boolean mixed;
    private final Set<Projection> targets;
    private final double scale;

    /**
     * What all layers have in common.
     *
     * @param dtype element type of the matrices
     * @param inference use CPU kernels that record no gradient
     * @param mixed multiply fp32 weights in bf16
     * @param adapter whose projections get a low-rank correction
     */
    DecoderProgram(
            NDManager owner,
            DecoderConfig config,
            Dtype dtype,
            boolean inference,
            boolean mixed,
            Optional<Adapter> adapter) {
        this.owner = owner;
        this.config = config;
        this.dtype = dtype;
        this.inference = inference;
        this.mixed = mixed;
        this.targets = adapter.map(Adapter::targets).orElse(Set.of());
        this.scale = adapter.map(Adapter::scale).orElse(0.0);
    }

    /** Whether a program takes its matrices in the order of oneDNN's kernels: inference on CPUs that profit. */
    static boolean reorders(NDManager owner, Dtype dtype, boolean inference) {
        return inference
                && !owner.getDevice().isGpu()
                && Processor.leastReordered(dtype).isPresent();
    }

    /** Bytes of one number in the K/V cache. */
    static int cacheBytes(NDManager owner, DecoderConfig c, Dtype dtype) {
        return halfType(owner, c, dtype, false) == 0 ? Float.BYTES : Short.BYTES;
    }

    /**
     * libtorch's number of the element type in which attention computes and the cache holds keys; 0 for fp32. A GPU's fast
     * kernels exist in half precision only; capped scores are computed by hand and stay fp32.
     */
    private static int halfType(NDManager owner, DecoderConfig c, Dtype dtype, boolean mixed) {
        if (!owner.getDevice().isGpu() || c.attentionSoftcap() > 0) {
            return 0;
        }
        if (dtype == Dtype.FP16) {
            return 5;
        }
        return dtype == Dtype.BF16 || mixed ? 15 : 0;
    }

    /** Queries under one mask: few where a mask's unused part is computed in earnest, many where a launch costs more. */
    private static int strip(boolean cpu) {
        return cpu ? 128 : 1024;
    }

    /** Compiles the modules of layers of one shape. */
    TorchProgram compile(LayerShape shape) {
        DecoderConfig c = config;
        boolean cpu = !owner.getDevice().isGpu();
        // The kernel that also gives sums of exponentials is the CPU's, and what it gives has no gradient.
        boolean split = cpu && inference && c.attentionSoftcap() == 0;
        int half = halfType(owner, c, dtype, mixed);
        TorchSource source = TorchSource.of(DecoderProgram.class, PARTS)
                // A narrow stream's mean of squares is taken over the model's width, which its norm weights make up
                // for.
                .with("eps", c.normEps() * c.width() / shape.width())
                .with("headEps", c.normEps())
                .with("embedScale", c.embedScale())
                .with("heads", shape.heads())
                .with("kvHeads", shape.kvHeads())
                .with("headDim", c.headDim())
                .with("groups", shape.heads() / shape.kvHeads())
                .with("scale", c.attentionScale())
                .with("softcap", c.attentionSoftcap())
                .with("headcap", c.headSoftcap())
                .with("chunk", HEAD_ROWS)
                .with("mlpChunk", cpu ? 512 : 4096)
                .with("loraScale", scale)
                .with("tile", split ? 384 : strip(cpu))
                .with("strip", strip(cpu))
                .with("half", half)
                .with("cacheType", half == 0 ? TorchSource.FP32 : half)
                .when("half", half != 0)
                .when(
                        "apart",
                        half != 0
                                && inference
                                && !targets.contains(Projection.GATE)
                                && !targets.contains(Projection.UP))
                .when("gqa", half != 0 && shape.heads() != shape.kvHeads())
                .when("split", split)
                .when("fp16", dtype == Dtype.FP16)
                .when("bf16", dtype == Dtype.BF16)
                .when("mixed", mixed && dtype == Dtype.FP32)
                .with("leastReordered", Processor.leastReordered(dtype).orElse(0))
                .when("onednn", reorders(owner, dtype, inference))
                .when("amd", reorders(owner, dtype, inference) && Processor.isAmd())
                .when("embedscale", c.embedScale() != 1)
                .when("interleaved", c.ropeInterleaved())
                .when("softcap", c.attentionSoftcap() > 0)
                .when("headcap", c.headSoftcap() > 0)
                .when("grouped", shape.heads() != shape.kvHeads())
                .when("graph", !inference)
                .when("shared", shape.heads() != shape.kvHeads() && !inference)
                .when("bias", c.qkvBias())
                .when("prenorm", c.preNorm())
                .when("qknorm", c.qkNorm())
                .when("qknorm_head", c.qkNorm() && !c.wideQkNorm())
                .when("qknorm_wide", c.wideQkNorm())
                .when("postnorm", c.postNorm())
                .when("gelu", c.geluMlp())
                .when("lora", !targets.isEmpty())
                .when("lora_kv", !inference && targets.containsAll(List.of(Projection.K, Projection.V)))
                .when("lora_gu", !inference && targets.containsAll(List.of(Projection.GATE, Projection.UP)))
                .when("lora_fp32", dtype != Dtype.BF16 && !mixed);
        for (Projection p : Projection.values()) {
            source.when("lora_" + p.option(), targets.contains(p));
        }
        arguments(source, c, targets);
        return TorchProgram.compile(owner, source.code());
    }

    private static void arguments(TorchSource source, DecoderConfig c, Set<Projection> targets) {
        List<String> norm = c.preNorm() ? List.of(LayerArray.NORM.argument()) : List.of();
        List<LayerArray> ofAttention = LayerTensors.order(c, ModuleKind.ATTENTION);
        List<String> attention = names(ofAttention, Set.copyOf(ofAttention));
        List<String> query = names(ofAttention, OF_QUERY);
        List<String> keyValue = names(ofAttention, OF_KEY_VALUE);
        List<String> out = names(ofAttention, Set.of(LayerArray.POST_NORM));
        List<LayerArray> ofMlp = LayerTensors.order(c, ModuleKind.MLP);
        List<String> mlp = names(ofMlp, Set.copyOf(ofMlp));
        for (Projection p : Projection.values()) {
            if (targets.contains(p)) {
                String first = p.option().substring(0, 1);
                List<String> lora = List.of(first + "a", first + "b", first + "drop");
                (p.module() == ModuleKind.ATTENTION ? attention : mlp).addAll(lora);
                if (p == Projection.Q) {
                    query.addAll(lora);
                } else if (p == Projection.K || p == Projection.V) {
                    keyValue.addAll(lora);
                } else if (p == Projection.O) {
                    out.addAll(lora);
                }
            }
        }
        source.with("normArgs", prefixed(declared(norm))).with("normPass", prefixed(String.join(", ", norm)));
        source.with("attentionWeights", declared(attention)).with("mlpWeights", declared(mlp));
        source.with("attentionPass", String.join(", ", attention)).with("mlpPass", String.join(", ", mlp));
        source.with("qArgs", prefixed(declared(query))).with("qPass", prefixed(String.join(", ", query)));
        source.with("kvArgs", prefixed(declared(keyValue))).with("kvPass", prefixed(String.join(", ", keyValue)));
        source.with("oArgs", prefixed(declared(out))).with("oPass", prefixed(String.join(", ", out)));
    }

    private static List<String> names(List<LayerArray> order, Set<LayerArray> wanted) {
        return new ArrayList<>(order.stream()
                .filter(wanted::contains)
                .map(LayerArray::argument)
                .toList());
    }

    private static String declared(List<String> names) {
        return String.join(", ", names.stream().map(n -> n + ": Tensor").toList());
    }

    private static String prefixed(String text) {
        return text.isEmpty() ? "" : ", " + text;
    }
}
