package org.skipgpt.shape;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The shape and arithmetic of a LLaMA-like decoder; one record for every family.
 *
 * <p>Example: {@code DecoderConfig.llama(512, 64, 176, 5, 8, 4)} is a five-layer LLaMA of width 64.
 *
 * @param family Hugging Face model_type, one of {@link ConfigJson#families()}
 * @param vocabulary token ids are 0..vocabulary-1
 * @param width D, size of the residual stream
 * @param hidden F, width of the MLP
 * @param layers L; modules are 2L
 * @param heads H, query heads
 * @param kvHeads G, key/value heads; divides H
 * @param headDim E, width of a head; even
 * @param normEps epsilon of every RMSNorm
 * @param ropeInterleaved rotary pairs are neighbours (llama2.c) instead of halves (Hugging Face)
 * @param tiedHead output head shares the embedding
 * @param arithmetic what its layers compute otherwise than LLaMA's
 * @param rotations how queries and keys of each layer turn; L entries
 * @param windows sliding window of each layer in tokens, 0 for none; L entries
 * @param maxPositions longest context in tokens
 * @param shapes the shape of each layer where layers differ, L entries; empty where all have the one above
 */
public record DecoderConfig(
        String family,
        int vocabulary,
        int width,
        int hidden,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        double normEps,
        boolean ropeInterleaved,
        boolean tiedHead,
        Arithmetic arithmetic,
        List<Rotation> rotations,
        List<Integer> windows,
        int maxPositions,
        List<LayerShape> shapes) {

    /** Checks every field; all faults are told at once. */
    public DecoderConfig {
        List<String> faults = new ArrayList<>();
        positive(faults, "vocabulary", vocabulary);
        positive(faults, "width", width);
        positive(faults, "hidden", hidden);
        positive(faults, "layers", layers);
        positive(faults, "heads", heads);
        positive(faults, "kvHeads", kvHeads);
        positive(faults, "maxPositions", maxPositions);
        if (kvHeads > 0 && heads % kvHeads != 0) {
            faults.add("heads " + heads + " is not a multiple of kvHeads " + kvHeads);
        }
        if (headDim <= 0 || headDim % 2 != 0) {
            faults.add("headDim " + headDim + " is not an even number above 0");
        }
        finite(faults, "normEps", normEps, 0);
        finite(faults, "embedScale", arithmetic.embedScale(), Double.MIN_VALUE);
        finite(faults, "attentionScale", arithmetic.attentionScale(), Double.MIN_VALUE);
        finite(faults, "attentionSoftcap", arithmetic.attentionSoftcap(), 0);
        finite(faults, "headSoftcap", arithmetic.headSoftcap(), 0);
        if (windows.stream().anyMatch(window -> window < 0)) {
            faults.add("windows " + windows + " are not all 0 or more");
        }
        if (windows.size() != layers) {
            faults.add("windows has " + windows.size() + " entries for " + layers + " layers");
        }
        if (rotations.size() != layers) {
            faults.add("rotations has " + rotations.size() + " entries for " + layers + " layers");
        }
        for (Rotation rotation : rotations) {
            int factors = rotation.scaling().longFactors().size();
            if (factors > 0 && factors != headDim / 2) {
                faults.add("rotations have " + factors + " factors for heads of " + headDim);
            }
        }
        boolean alike =
                shapes.stream().allMatch(shape -> shape.equals(new LayerShape(heads, kvHeads, hidden, width, false)));
        shapes = alike ? List.of() : List.copyOf(shapes);
        checkShapes(faults, shapes, layers, width, tiedHead);
        if (!faults.isEmpty()) {
            throw new IllegalArgumentException("decoder configuration: " + String.join("; ", faults));
        }
        rotations = List.copyOf(rotations);
        windows = List.copyOf(windows);
    }

    private static void checkShapes(
            List<String> faults, List<LayerShape> shapes, int layers, int width, boolean tiedHead) {
        if (!shapes.isEmpty() && shapes.size() != layers) {
            faults.add("shapes has " + shapes.size() + " entries for " + layers + " layers");
            return;
        }
        for (int layer = 0; layer < shapes.size(); layer++) {
            LayerShape shape = shapes.get(layer);
            faults.addAll(shape.faults(layer, width));
            int next = layer + 1 < layers ? shapes.get(layer + 1).width() : width;
            if (shape.width() != next && !shape.shortcut()) {
                faults.add("layer " + layer + ": its stream of width " + shape.width() + " becomes one of " + next
                        + ", which needs a shortcut");
            }
        }
        if (!shapes.isEmpty() && shapes.get(0).width() != width && tiedHead) {
            faults.add("the head is tied to an embedding of width "
                    + shapes.get(0).width() + " but reads a stream of " + width);
        }
    }

    private static void finite(List<String> faults, String name, double value, double least) {
        if (!(value >= least && Double.isFinite(value))) {
            faults.add(name + " " + value + " is not a finite number of " + least + " or more");
        }
    }

    private static void positive(List<String> faults, String name, int value) {
        if (value <= 0) {
            faults.add(name + " " + value + " is not above 0");
        }
    }

    /** A plain LLaMA with tied head, RoPE base 10000, eps 1e-5, context 2048. */
    public static DecoderConfig llama(int vocabulary, int width, int hidden, int layers, int heads, int kvHeads) {
        int headDim = width / heads;
        return new DecoderConfig(
                "llama",
                vocabulary,
                width,
                hidden,
                layers,
                heads,
                kvHeads,
                headDim,
                1e-5,
                false,
                true,
                Arithmetic.llama(headDim),
                Collections.nCopies(layers, Rotation.of(10000)),
                Collections.nCopies(layers, 0),
                2048,
                List.of());
    }

    /** The same with another context length. */
    public DecoderConfig withMaxPositions(int tokens) {
        return with(rotations, windows, tokens, shapes, tiedHead);
    }

    /** The same with some of its layers, in the given order. */
    public DecoderConfig withLayers(List<Integer> kept) {
        return with(
                kept.stream().map(rotations::get).toList(),
                kept.stream().map(windows::get).toList(),
                maxPositions,
                shapes.isEmpty() ? shapes : kept.stream().map(shapes::get).toList(),
                tiedHead);
    }

    /** The same with layers of their own shapes, and a head of its own where their streams are narrower. */
    public DecoderConfig withShapes(List<LayerShape> ofLayers) {
        boolean narrow = ofLayers.stream().anyMatch(shape -> shape.shortcut() || shape.width() != width);
        return with(rotations, windows, maxPositions, ofLayers, tiedHead && !narrow);
    }

    // there are as many layers as windows
    private DecoderConfig with(
            List<Rotation> rotationOfLayer,
            List<Integer> windowOfLayer,
            int positions,
            List<LayerShape> ofLayers,
            boolean tied) {
        return new DecoderConfig(
                family,
                vocabulary,
                width,
                hidden,
                windowOfLayer.size(),
                heads,
                kvHeads,
                headDim,
                normEps,
                ropeInterleaved,
                tied,
                arithmetic,
                rotationOfLayer,
                windowOfLayer,
                positions,
                ofLayers);
    }

    /** Whether query, key and value products have a bias. */
    public boolean qkvBias() {
        return arithmetic.qkvBias();
    }

    /** Whether queries and keys are normed. */
    public boolean qkNorm() {
        return arithmetic.qkNorm();
    }

    /** Whether queries and keys are normed all heads together, and not each by itself. */
    public boolean wideQkNorm() {
        return arithmetic.wideQkNorm();
    }

    /** Width of the norm of a layer's queries, 0 where they are not normed. */
    int queryNorm(int layer) {
        return wideQkNorm() ? queryWidth(layer) : qkNorm() ? headDim : 0;
    }

    /** Width of the norm of a layer's keys, likewise. */
    int keyNorm(int layer) {
        return wideQkNorm() ? kvWidth(layer) : qkNorm() ? headDim : 0;
    }

    /** Whether module inputs are normed. */
    public boolean preNorm() {
        return arithmetic.preNorm();
    }

    /** Whether module outputs are normed before they are added. */
    public boolean postNorm() {
        return arithmetic.postNorm();
    }

    /** Whether stored norm weights lack 1. */
    public boolean unitOffsetNorm() {
        return arithmetic.unitOffsetNorm();
    }

    /** Whether the MLP uses tanh-GELU instead of SiLU. */
    public boolean geluMlp() {
        return arithmetic.geluMlp();
    }

    /** Factor on embeddings, 1 for none. */
    public double embedScale() {
        return arithmetic.embedScale();
    }

    /** Factor on query-key products. */
    public double attentionScale() {
        return arithmetic.attentionScale();
    }

    /** Cap on attention scores, 0 for none. */
    public double attentionSoftcap() {
        return arithmetic.attentionSoftcap();
    }

    /** Cap on logits, 0 for none. */
    public double headSoftcap() {
        return arithmetic.headSoftcap();
    }

    /** How many modules there are: 2L. */
    public int modules() {
        return 2 * layers;
    }

    /** Every module in forward order. */
    public List<ModuleSite> sites() {
        List<ModuleSite> sites = new ArrayList<>();
        for (int i = 0; i < modules(); i++) {
            sites.add(ModuleSite.of(i));
        }
        return sites;
    }

    /** The rotations that there are, each once. */
    public List<Rotation> kindsOfRotation() {
        return rotations.stream().distinct().toList();
    }

    /** The shape of a layer. */
    public LayerShape layer(int index) {
        return shapes.isEmpty() ? new LayerShape(heads, kvHeads, hidden, width, false) : shapes.get(index);
    }

    /** Width of the stream that leaves a layer. */
    public int widthAfter(int layer) {
        return layer + 1 < layers ? layer(layer + 1).width() : width;
    }

    /** Whether the stream passes matrices on its way, so that what enters and what leaves a module cannot be compared. */
    public boolean hasShortcuts() {
        return shapes.stream().anyMatch(LayerShape::shortcut);
    }

    /** Width of all key heads together, G*E, where no layer differs. */
    public int kvWidth() {
        return kvHeads * headDim;
    }

    /** Width of a layer's key heads together, G*E. */
    public int kvWidth(int layer) {
        return layer(layer).kvHeads() * headDim;
    }

    /** Width of all query heads together, H*E, where no layer differs. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Width of a layer's query heads together, H*E. */
    public int queryWidth(int layer) {
        return layer(layer).heads() * headDim;
    }

    /** Weights in a module's matrices: 2*D*H*E + 2*D*G*E for attention, 3*D*F for an MLP, and those of a shortcut. */
    public long parameters(ModuleSite site) {
        LayerShape shape = layer(site.layer());
        long in = shape.width();
        if (site.module() == ModuleKind.ATTENTION) {
            return 2 * in * queryWidth(site.layer())
                    + 2 * in * kvWidth(site.layer())
                    + (shape.shortcut() ? in * in : 0);
        }
        long out = widthAfter(site.layer());
        return (2 * in + out) * shape.hidden() + (shape.shortcut() ? in * out : 0);
    }

    /** Weights in one attention module's matrices: 2*D*H*E + 2*D*G*E; the mean where layers differ. */
    public long attentionParameters() {
        return mean(ModuleKind.ATTENTION);
    }

    /** Weights in one MLP module's matrices: 3*D*F; the mean where layers differ. */
    public long mlpParameters() {
        return mean(ModuleKind.MLP);
    }

    private long mean(ModuleKind module) {
        long sum = 0;
        for (int layer = 0; layer < layers; layer++) {
            sum += parameters(new ModuleSite(layer, module));
        }
        return Math.round((double) sum / layers);
    }

    /** Weights in the matrices of all layers. */
    public long blockParameters() {
        return sites().stream().mapToLong(this::parameters).sum();
    }

    /** Weights of the model: blocks, norms, biases, embedding and head. */
    public long parameters() {
        long all = blockParameters() + width + (long) vocabulary * layer(0).width();
        for (int layer = 0; layer < layers; layer++) {
            int norms = (preNorm() ? 2 : 0) + (postNorm() ? 2 : 0);
            all += (long) norms * layer(layer).width() + queryNorm(layer) + keyNorm(layer);
            all += qkvBias() ? queryWidth(layer) + 2L * kvWidth(layer) : 0;
        }
        return all + (tiedHead ? 0 : (long) vocabulary * width);
    }

    @Override
    public String toString() {
        String own = String.format(
                "%s · %.1fM parameters · %d layers × (attention %d/%d heads of %d, mlp %d) · width %d · vocabulary %d"
                        + " · context %d",
                family, parameters() / 1e6, layers, heads, kvHeads, headDim, hidden, width, vocabulary, maxPositions);
        return shapes.isEmpty() ? own : own + " · pruned to " + shapesText();
    }

    // Neighbours of one shape are told together.
    private String shapesText() {
        List<String> parts = new ArrayList<>();
        for (int first = 0; first < layers; ) {
            int last = first;
            while (last + 1 < layers && shapes.get(last + 1).equals(shapes.get(first))) {
                last++;
            }
            parts.add((last > first ? "layers " + first + ".." + last : "layer " + first) + " " + shapes.get(first));
            first = last + 1;
        }
        return String.join("; ", parts);
    }
}
