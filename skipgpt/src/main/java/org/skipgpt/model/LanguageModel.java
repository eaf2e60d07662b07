package org.skipgpt.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.tokens.ChatMessage;
import org.skipgpt.tokens.TokenTexts;
import org.skipgpt.tokens.Tokenizer;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.InUse;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightReads;
import org.skipgpt.weights.WeightStream;

/**
 * A decoder with its tokenizer and its way of skipping; a view over weights that are shared and never change.
 *
 * <p>{@code withPolicy}, {@code withAdapter}, {@code masked} and {@code packed} return new views. The owner of the
 * weights closes them, usually a workspace.
 *
 * <pre>{@code
 * float[] nats = model.logProbabilities(model.tokenizer().encodeWithBos("Once upon a time"))[0];
 * }</pre>
 */
public final class LanguageModel {
    private final String name;
    private final BaseHash hash;
    private final Tokenizer tokenizer;
    private final Decoder decoder;
    private final Optional<Adapter> adapter;
    private final LayerPolicy policy;
    private final Execution execution;
    private final List<NDManager> added;
    private final DecodingStep step;

    private LanguageModel(
            String name,
            BaseHash hash,
            Tokenizer tokenizer,
            Decoder decoder,
            Optional<Adapter> adapter,
            LayerPolicy policy,
            Execution execution,
            DecodingStep step,
            List<NDManager> added) {
        this.name = name;
        this.hash = hash;
        this.tokenizer = tokenizer;
        this.decoder = decoder;
        this.adapter = adapter;
        this.policy = policy;
        this.execution = execution;
        this.step = step;
        this.added = added;
    }

    /**
     * A dense model.
     *
     * @param name what to call it in tables
     * @param hash identity of its weights' file, hex; empty where they come from none
     */
    public static LanguageModel dense(
            String name, String hash, Tokenizer tokenizer, DecoderConfig config, DecoderWeights weights) {
        return dense(name, () -> hash, tokenizer, config, weights);
    }

    /** The same, its weights' identity found out when somebody first asks: that takes longer than loading them. */
    public static LanguageModel dense(
            String name, Supplier<String> hash, Tokenizer tokenizer, DecoderConfig config, DecoderWeights weights) {
        var programs = DecoderPrograms.compile(weights, config, true, false, Optional.empty());
        Decoder decoder = new Decoder(config, weights, Optional.empty(), programs);
        return new LanguageModel(
                name,
                new BaseHash(hash, weights),
                tokenizer,
                decoder,
                Optional.empty(),
                LayerPolicy.dense(),
                Execution.PACKED,
                DecodingStep.FASTEST,
                List.of());
    }

    /** The same weights under another policy. */
    public LanguageModel withPolicy(LayerPolicy other) {
        return new LanguageModel(name, hash, tokenizer, decoder, adapter, other, execution, step, added);
    }

    /**
     * The same weights corrected by low-rank factors; replaces any earlier adapter.
     *
     * @throws IllegalArgumentException if the factors are those of a model of another shape
     */
    public LanguageModel withAdapter(Adapter other) {
        AdapterFit.check(other, config(), name);
        Decoder corrected = compile(decoder, Optional.of(other), true, false);
        return new LanguageModel(name, hash, tokenizer, corrected, Optional.of(other), policy, execution, step, added);
    }

    /** The same model under another name. */
    public LanguageModel named(String other) {
        return new LanguageModel(other, hash, tokenizer, decoder, adapter, policy, execution, step, added);
    }

    /** The same model, which reads arrays of an owner beside its weights; when that is closed, so are its views. */
    public LanguageModel withAdded(NDManager owner) {
        List<NDManager> more = new ArrayList<>(added);
        more.add(owner);
        return new LanguageModel(name, hash, tokenizer, decoder, adapter, policy, execution, step, List.copyOf(more));
    }

    /**
     * A view that something makes over this model in an owner of arrays of its own, which is freed where the making fails.
     *
     * <pre>{@code
     * model.extended(owner -> model.withPolicy(RoutedPolicy.of(Gate.compile(owner), routers)));
     * }</pre>
     */
    public LanguageModel extended(Function<NDManager, LanguageModel> making) {
        try (InUse.Hold held = hold()) {
            NDManager owner = scope();
            try {
                return making.apply(owner);
            } catch (RuntimeException | Error e) {
                owner.close();
                throw e;
            }
        }
    }

    /** The same model with its decisions carried out in a given way. */
    public LanguageModel withExecution(Execution other) {
        return new LanguageModel(name, hash, tokenizer, decoder, adapter, policy, other, step, added);
    }

    /** The same model, each new token computed by the given way. */
    public LanguageModel withStep(DecodingStep other) {
        return new LanguageModel(name, hash, tokenizer, decoder, adapter, policy, execution, other, added);
    }

    /** Who may compute a pass over one new token. */
    DecodingStep step() {
        return step;
    }

    /** Who computes a pass over one new token here, and where that is the engine, why. */
    public String decoding() {
        return RowRule.told(config(), decoder.weights(), policy, execution, step);
    }

    /** The same model, every module computed and multiplied by its gate. */
    public LanguageModel masked() {
        return withExecution(Execution.MASKED);
    }

    /** The same model, skipped work not done where that is faster. */
    public LanguageModel packed() {
        return withExecution(Execution.PACKED);
    }

    /** The same model, skipped work not done even where doing it would be faster; repeats bit for bit. */
    public LanguageModel alwaysPacked() {
        return withExecution(Execution.ALWAYS_PACKED);
    }

    /** A forward pass whose operations record gradients; its kernels may be slower than those for inference. */
    public Decoder differentiable() {
        return compile(decoder, adapter, false, false);
    }

    /** The same with matrix products in bf16 over fp32 weights: faster where the machine has bf16, less exact. */
    public Decoder differentiableMixed() {
        return compile(decoder, adapter, false, true);
    }

    private static Decoder compile(Decoder from, Optional<Adapter> adapter, boolean inference, boolean mixed) {
        DecoderWeights weights = from.weights();
        try (InUse.Hold held = from.inUse().hold()) {
            weights.checkOpen();
            var programs = DecoderPrograms.compile(weights, from.config(), inference, mixed, adapter);
            return new Decoder(from.config(), weights, adapter, programs);
        }
    }

    /**
     * Logits of every position of some sequences.
     *
     * @return one array a sequence, [T][V]
     * @throws IllegalArgumentException if a sequence is longer than the context; both lengths are named
     */
    public float[][][] logits(int[]... sequences) {
        checkLengths(0, sequences);
        try (InUse.Hold held = hold();
                NDManager scope = scope()) {
            Rows rows = decoder.rows(scope, sequences);
            NDArray x = forward(rows, Trace.none());
            float[] flat = decoder.logits(x).toFloatArray(); // (N, V)
            int v = config().vocabulary();
            float[][][] out = new float[sequences.length][][];
            for (int s = 0; s < sequences.length; s++) {
                out[s] = new float[sequences[s].length][];
                for (int t = 0; t < sequences[s].length; t++) {
                    int row = rows.starts()[s] + t;
                    out[s][t] = Arrays.copyOfRange(flat, row * v, (row + 1) * v);
                }
            }
            return out;
        }
    }

    /**
     * Natural log-probability of every token but the first, given those before it.
     *
     * @return one array a sequence, T-1 values
     * @throws IllegalArgumentException if the tokens before a sequence's last one are longer than the context
     */
    public float[][] logProbabilities(int[]... sequences) {
        checkLengths(1, sequences); // nothing is read behind the last token
        if (Arrays.stream(sequences).allMatch(ids -> ids.length == 0)) {
            return new float[sequences.length][0];
        }
        try (InUse.Hold held = hold();
                NDManager scope = scope()) {
            Rows rows = decoder.rows(scope, sequences);
            NDArray x = forward(rows, Trace.none());
            long[] targets = new long[rows.size()];
            for (int i = 0; i + 1 < targets.length; i++) {
                targets[i] = rows.tokens()[i + 1];
            }
            NDList scored = decoder.logLikelihood(x, scope.create(targets));
            float[] all = scored.get(0).toFloatArray(); // (N)
            float[][] out = new float[sequences.length][];
            for (int s = 0; s < sequences.length; s++) {
                int from = rows.starts()[s];
                out[s] = Arrays.copyOfRange(all, from, Math.max(from, rows.starts()[s + 1] - 1));
            }
            return out;
        }
    }

    private void checkLengths(int unread, int[]... sequences) {
        int context = config().maxPositions();
        for (int s = 0; s < sequences.length; s++) {
            if (sequences[s].length - unread > context) {
                throw new IllegalArgumentException("sequence " + s + " has " + sequences[s].length
                        + " tokens but the context holds " + context + "; shorten it or score it in pieces");
            }
        }
    }

    /**
     * Starts sequences that grow token by token, up to the model's context.
     *
     * @param sequences how many at once
     */
    public Session session(int sequences) {
        return Session.of(this, sequences, config().maxPositions());
    }

    /** Continues a text greedily, up to 128 tokens. */
    public Generation generate(String prompt) {
        return generate(GenerationOptions.defaults(), text -> {}, prompt);
    }

    /** Continues texts together. */
    public Generation generate(GenerationOptions options, String... prompts) {
        return generate(options, text -> {}, prompts);
    }

    /**
     * Continues texts together and streams the first one.
     *
     * <p>Stops when its thread is interrupted and returns what there is; the interrupt flag stays set.
     *
     * @param out gets new text of the first prompt as it comes, whole characters only
     * @throws IllegalArgumentException if a prompt is longer than the context; both lengths are named
     */
    public Generation generate(GenerationOptions options, Consumer<String> out, String... prompts) {
        int[][] ids = Arrays.stream(prompts).map(tokenizer::encodeWithBos).toArray(int[][]::new);
        return Generator.run(this, options, out, ids);
    }

    /**
     * Answers a conversation, written by the checkpoint's own chat template.
     *
     * <pre>{@code
     * model.chat(GenerationOptions.defaults(), List.of(ChatMessage.user("What does a kite need?")));
     * }</pre>
     *
     * @throws org.skipgpt.data.DataException if the checkpoint has no template, or its template refuses the conversation
     */
    public Generation chat(GenerationOptions options, List<ChatMessage> messages) {
        return chat(options, text -> {}, messages);
    }

    /** The same, streamed: new text of the answer is given out as it comes. */
    public Generation chat(GenerationOptions options, Consumer<String> out, List<ChatMessage> messages) {
        return Generator.run(this, options, out, tokenizer.encodeChat(messages));
    }

    /** Continues prompts given as token ids. */
    public Generation generateIds(GenerationOptions options, int[]... prompts) {
        return Generator.run(this, options, text -> {}, prompts);
    }

    /** The residual stream of packed rows after all layers, before the final norm: (N, D). */
    public NDArray forward(Rows rows, Trace trace) {
        try (InUse.Hold held = hold()) {
            return decoder.forward(rows, policy, execution, trace);
        }
    }

    /** Some rows of it, ascending; cheaper than all of them: (n, D). */
    public NDArray forward(Rows rows, int[] wanted) {
        try (InUse.Hold held = hold()) {
            return decoder.forward(rows, policy, execution, wanted);
        }
    }

    /**
     * A new owner of arrays beside the weights; close it to free them.
     *
     * @throws IllegalStateException if the weights were freed, as a newer workspace does
     */
    public NDManager scope() {
        try (InUse.Hold held = hold()) {
            return decoder.weights().manager().newSubManager();
        }
    }

    /**
     * Holds the model's memory while something computes with it: whoever closes the workspace or releases the model waits
     * until it is closed.
     *
     * <pre>{@code
     * try (InUse.Hold held = model.hold(); NDManager scope = model.scope()) { ... }
     * }</pre>
     *
     * @throws IllegalStateException if the weights were freed, as a newer workspace does
     */
    public InUse.Hold hold() {
        InUse.Hold held = decoder.inUse().hold();
        try {
            checkOpen();
        } catch (IllegalStateException e) {
            held.close();
            throw e;
        }
        return held;
    }

    /** A place in long work where the memory may be freed; says so if it was. */
    public void pause() {
        decoder.inUse().pause();
        checkOpen();
    }

    private void checkOpen() {
        decoder.weights().checkOpen();
        if (!isOpen()) {
            throw new IllegalStateException(
                    "this model is closed: what it adds to its base was released; the base is open, load it over that again");
        }
    }

    /** Whether its memory is still there. */
    public boolean isOpen() {
        return decoder.weights().manager().isOpen() && added.stream().allMatch(NDManager::isOpen);
    }

    /** Owners of arrays beside the weights, the last of them added last. */
    public List<NDManager> added() {
        return added;
    }

    /** What to call it in tables. */
    public String name() {
        return name;
    }

    /**
     * Identity of the base weights, hex: of their file, or of the numbers as they are now where they came from none or were
     * trained since, for which all are read. Found out even on an interrupted thread, whose flag stays set.
     */
    public String hash() {
        return hash.find();
    }

    /** Its tokenizer. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Its shape. */
    public DecoderConfig config() {
        return decoder.config();
    }

    /** Its forward pass. */
    public Decoder decoder() {
        return decoder;
    }

    /**
     * What was read from its files so far for layers that are streamed; empty where all are in memory.
     *
     * <pre>{@code
     * var before = model.reads().orElseThrow();
     * model.logits(ids);
     * System.out.println(model.reads().orElseThrow().since(before));
     * }</pre>
     */
    public Optional<WeightReads> reads() {
        return decoder.weights().stream().map(WeightStream::reads);
    }

    /** Its low-rank corrections. */
    public Optional<Adapter> adapter() {
        return adapter;
    }

    /** What it skips. */
    public LayerPolicy policy() {
        return policy;
    }

    /** Whether some token may skip some module. */
    public boolean skips() {
        return config().sites().stream().anyMatch(site -> !policy.isConstant(site) || policy.isDropped(site));
    }

    /** How decisions are carried out. */
    public Execution execution() {
        return execution;
    }

    /** Where results of this model come from: its name, policy, weights, device and element type. */
    public Provenance provenance(String settings) {
        return Provenance.of(settings)
                .withModel(name + " · " + policy.describe(), hash())
                .withDevice(device().toString(), dtype().toString(), Torch.threads());
    }

    /** The same with token sequences as data, which are known by their ids. */
    public Provenance provenance(String settings, List<int[]> sequences) {
        return provenance(settings).withData(TokenTexts.describe(sequences), TokenTexts.hash(sequences));
    }

    /** Where it lives; of a model on several devices the one of its embedding and head. */
    public Device device() {
        return decoder.weights().manager().getDevice();
    }

    /** Bytes of one number of a key or value in a session's cache; the most of any layer, where devices hold them in two types. */
    public int cacheNumberBytes() {
        return Collections.max(decoder.calls().programs().cacheBytes());
    }

    /** Element type of its matrices. */
    public Dtype dtype() {
        return decoder.weights().dtype();
    }

    @Override
    public String toString() {
        return name + " · " + config() + " · " + dtype() + " · "
                + device().toString().replace("()", "") + " · " + policy.describe()
                + adapter.map(a -> " · LoRA on " + a.targets().size() + " projections")
                        .orElse("")
                + (isOpen() ? "" : " · closed");
    }
}
