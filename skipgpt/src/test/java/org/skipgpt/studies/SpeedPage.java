package org.skipgpt.studies;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.skipgpt.bench.BenchmarkClock;
import org.skipgpt.model.Golden;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;
import org.skipgpt.weights.DecoderWeights;
import org.skipgpt.weights.WeightLoader;

/**
 * Writes the results page docs/speed.md. Arguments: the page, then {@code all} or some of its parts. Each part takes less
 * than four minutes on two cores; parts that are not run keep what the page says of them.
 */
final class SpeedPage {
    /** The measured shape: width 1024, 8 layers, 16 query and 8 key/value heads. */
    static final DecoderConfig SHAPE =
            DecoderConfig.llama(8192, 1024, 2816, 8, 16, 8).withMaxPositions(8192);

    private static final int REPEATS = Integer.getInteger("skipgpt.repeats", 9);
    private static final BenchmarkClock CLOCK = BenchmarkClock.valueOf(System.getProperty("skipgpt.clock", "WALL"));
    private static final String MARK = "<!-- part ";

    private SpeedPage() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Path out = Path.of(arguments[0]);
        List<String> wanted = List.of(arguments).subList(1, arguments.length);
        List<String> parts = wanted.equals(List.of("all")) ? SpeedParts.NAMES : wanted;
        if (!SpeedParts.NAMES.containsAll(parts)) {
            throw new IllegalArgumentException(parts + ": expected all or some of " + SpeedParts.NAMES);
        }
        Map<String, String> page = kept(out);
        for (String part : parts) {
            double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
            try (NDManager manager = Torch.manager(Device.cpu())) {
                DecoderWeights weights = WeightLoader.random(SHAPE, manager, Dtype.FP32, 1);
                LanguageModel dense =
                        LanguageModel.dense("random", "", Golden.numbers(SHAPE.vocabulary()), SHAPE, weights);
                String text = new SpeedParts(dense, manager, REPEATS, CLOCK).run(part);
                page.put(part, text + footer(load));
            }
            // After each part, so that an interrupted run keeps what it has.
            save(out, page);
        }
    }

    private static Map<String, String> kept(Path out) throws IOException {
        Map<String, String> page = new LinkedHashMap<>();
        if (Files.exists(out)) {
            for (String piece : Files.readString(out).split(MARK)) {
                int end = piece.indexOf(" -->\n");
                if (end > 0 && SpeedParts.NAMES.contains(piece.substring(0, end))) {
                    page.put(piece.substring(0, end), piece.substring(end + 5).strip() + "\n");
                }
            }
        }
        return page;
    }

    private static void save(Path out, Map<String, String> page) throws IOException {
        StringBuilder text = new StringBuilder(head());
        for (String part : SpeedParts.NAMES) {
            if (page.containsKey(part)) {
                text.append('\n').append(MARK).append(part).append(" -->\n").append(page.get(part));
            }
        }
        Files.writeString(out, text);
    }

    private static String head() {
        return String.format(
                Locale.ROOT,
                """
                # Speed

                Random weights, fp32, unless a part says otherwise: %s. Times are medians of runs in turns in one process
                tree; spread is half the quartile distance as a share of the median, and a spread above 5 %% makes a row
                doubtful. Ideal is dense over remaining operations (prefill) or over remaining bytes (decode) at the
                realised rates; eta is the share of the ideal speed-up that was reached. Skip patterns are forced, so that
                rates are exact; what routers would choose does not change what skipping costs.

                Machine: %s; %s. On an AMD EPYC (Zen 3): [speed-zen3.md](speed-zen3.md).

                The commands that make this page again, in `skipgpt/` after `mvn package`, all parts or some (%s):

                ```
                CP="target/test-classes:target/classes:$(cat ../kernel-ext/target/runtime-classpath.txt)"
                OMP_NUM_THREADS=%d java -Dskipgpt.python=python3 -cp "$CP" org.skipgpt.studies.SpeedPage docs/speed.md all
                ```
                """,
                SHAPE,
                Provenance.of("").cpu(),
                Provenance.of("").versions(),
                String.join(", ", SpeedParts.NAMES),
                Torch.threads());
    }

    private static String footer(double load) {
        return String.format(
                Locale.ROOT,
                "%n%d repeats, %s, %d engine threads, load average %.1f at the start, %s.%n",
                REPEATS,
                CLOCK,
                Torch.threads(),
                load,
                LocalDate.now(ZoneOffset.UTC));
    }
}
