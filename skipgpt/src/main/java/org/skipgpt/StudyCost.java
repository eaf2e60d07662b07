package org.skipgpt;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.lora.Lora;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.Session;
import org.skipgpt.report.Interruption;

/**
 * What a row costs, measured; the row's provenance names the machine.
 *
 * <p>Speed is that of a session over the study's own kept texts, as far as the context holds 512 tokens: all but sixteen tokens at
 * once, then those one by one; in turns with the dense model, one turn untimed, then nine, medians. An adapter is merged first, which
 * changes no decision.
 *
 * @param tuningSeconds steps of every run that learned for the row, those of an earlier start included; 0 where nothing learned
 * @param adapter numbers of the adapter that was learned; 0 without
 * @param prefill dense time over the row's, text at once; NaN for a model that looks ahead, which no session takes
 * @param decode the same token by token
 * @param spread half the distance between the quartiles of the four times, as a share of their medians, the largest; above 0.05 the two
 *     ratios say little
 * @param cacheBytes keys and values that a token of that text left; NaN as above
 * @param denseCacheBytes what it leaves in the dense model
 */
public record StudyCost(
        double tuningSeconds,
        long adapter,
        double prefill,
        double decode,
        double spread,
        double cacheBytes,
        double denseCacheBytes) {
    private static final int TOKENS = 512;
    private static final int ONE_BY_ONE = 16;
    private static final int TURNS = 9;

    /** Measures a row's model beside the dense one. */
    static StudyCost of(LanguageModel base, LanguageModel made, int[][] texts, double tuningSeconds) {
        long adapter = made.adapter()
                .map(a -> Lora.parameters(a, made.config()).stream()
                        .mapToLong(factor -> factor.getShape().size())
                        .sum())
                .orElse(0L);
        if (!made.policy().isCausal()) {
            return new StudyCost(tuningSeconds, adapter, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN);
        }
        try (NDManager owner = made.scope()) {
            LanguageModel plain = made.adapter().isPresent() ? Lora.merge(made, owner) : made;
            int[] text = text(texts, Math.min(TOKENS, base.config().maxPositions()));
            // The first of each is the untimed one.
            Turn first = Turn.of(base, text);
            Turn own = Turn.of(plain, text);
            double[][] nanos = new double[4][TURNS];
            for (int turn = 0; turn < TURNS; turn++) {
                Turn a = Turn.of(base, text);
                Turn b = Turn.of(plain, text);
                double[] four = {a.prefill(), b.prefill(), a.decode(), b.decode()};
                for (int i = 0; i < four.length; i++) {
                    nanos[i][turn] = four[i];
                }
            }
            Arrays.stream(nanos).forEach(Arrays::sort);
            return new StudyCost(
                    tuningSeconds,
                    adapter,
                    median(nanos[0]) / median(nanos[1]),
                    median(nanos[2]) / median(nanos[3]),
                    Arrays.stream(nanos).mapToDouble(StudyCost::spread).max().orElse(Double.NaN),
                    own.bytes() / text.length,
                    first.bytes() / text.length);
        }
    }

    private static double median(double[] ascending) {
        return ascending[ascending.length / 2];
    }

    private static double spread(double[] ascending) {
        int quarter = ascending.length / 4;
        return (ascending[ascending.length - 1 - quarter] - ascending[quarter]) / 2 / median(ascending);
    }

    // The texts one after another, from the beginning again where they are short.
    private static int[] text(int[][] texts, int most) {
        int[] all = Arrays.stream(texts).flatMapToInt(Arrays::stream).toArray();
        return IntStream.range(0, most).map(i -> all[i % all.length]).toArray();
    }

    /** One text through one model. */
    private record Turn(double prefill, double decode, double bytes) {
        static Turn of(LanguageModel model, int[] text) {
            Interruption.check();
            int context = Math.max(1, text.length - ONE_BY_ONE);
            try (Session session = model.session(1)) {
                long start = System.nanoTime();
                session.append(Arrays.copyOf(text, context));
                long middle = System.nanoTime();
                for (int t = context; t < text.length; t++) {
                    session.append(new int[] {text[t]});
                }
                long end = System.nanoTime();
                return new Turn(middle - start, end - middle, session.usedCacheBytes() + session.pendingBytes());
            }
        }
    }

    JsonObject json() {
        JsonObject out = new JsonObject();
        out.addProperty("tuningSeconds", tuningSeconds);
        out.addProperty("adapter", adapter);
        if (!Double.isNaN(prefill)) {
            out.addProperty("prefill", prefill);
            out.addProperty("decode", decode);
            out.addProperty("spread", spread);
            out.addProperty("cacheBytes", cacheBytes);
            out.addProperty("denseCacheBytes", denseCacheBytes);
        }
        return out;
    }

    static StudyCost read(JsonFields in) {
        boolean measured = in.has("prefill");
        StudyCost read = new StudyCost(
                in.number("tuningSeconds", Numbers.any()),
                in.count("adapter", 0, Long.MAX_VALUE),
                measured ? in.number("prefill", Numbers.any()) : Double.NaN,
                measured ? in.number("decode", Numbers.any()) : Double.NaN,
                measured ? in.number("spread", Numbers.any()) : Double.NaN,
                measured ? in.number("cacheBytes", Numbers.any()) : Double.NaN,
                measured ? in.number("denseCacheBytes", Numbers.any()) : Double.NaN);
        in.refuseOthers();
        return read;
    }
}
