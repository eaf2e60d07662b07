package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Device;
import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.skipgpt.report.Provenance;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Torch;

/**
 * Writes the results page docs/speed.md; a measurement, not a test, so it runs only when asked:
 * {@code -Dskipgpt.speed=all}, or some of its parts, comma-separated. Each part takes less than four minutes on two
 * cores; parts that are not run keep what the page says of them.
 */
@EnabledIfSystemProperty(named = "skipgpt.speed", matches = ".+")
class SpeedPage {
    /** The measured shape: width 1024, 8 layers, 16 query and 8 key/value heads. */
    static final DecoderConfig SHAPE =
            DecoderConfig.llama(8192, 1024, 2816, 8, 16, 8).withMaxPositions(8192);

    private static final int REPEATS = Integer.getInteger("skipgpt.repeats", 9);
    private static final BenchmarkClock CLOCK = BenchmarkClock.valueOf(System.getProperty("skipgpt.clock", "WALL"));
    private static final String MARK = "<!-- part ";
    private static final Path OUT = Path.of(System.getProperty("skipgpt.speed.out", "target/speed.md"));

    @Test
    void write() throws IOException, InterruptedException {
        String wanted = System.getProperty("skipgpt.speed", "");
        List<String> parts = wanted.equals("all") ? SpeedParts.NAMES : Arrays.asList(wanted.split(","));
        assertThat(SpeedParts.NAMES).containsAll(parts);
        Map<String, String> page = kept();
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
            save(page);
        }
    }

    private static Map<String, String> kept() throws IOException {
        Map<String, String> page = new LinkedHashMap<>();
        if (Files.exists(OUT)) {
            for (String piece : Files.readString(OUT).split(MARK)) {
                int end = piece.indexOf(" -->\n");
                if (end > 0 && SpeedParts.NAMES.contains(piece.substring(0, end))) {
                    page.put(piece.substring(0, end), piece.substring(end + 5).strip() + "\n");
                }
            }
        }
        return page;
    }

    private static void save(Map<String, String> page) throws IOException {
        StringBuilder text = new StringBuilder(head());
        for (String part : SpeedParts.NAMES) {
            if (page.containsKey(part)) {
                text.append('\n').append(MARK).append(part).append(" -->\n").append(page.get(part));
            }
        }
        Files.writeString(OUT, text);
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

                Machine: %s; %s.

                The commands that make this page again, in `skipgpt/`, all parts or one (%s):

                ```
                OMP_NUM_THREADS=%d mvn -q test -Dtest=SpeedPage -Dskipgpt.speed=all -Dskipgpt.python=python3 -Dskipgpt.speed.out=docs/speed.md
                OMP_NUM_THREADS=%d mvn -q test -Dtest=SpeedPage -Dskipgpt.speed=decode -Dskipgpt.speed.out=docs/speed.md
                ```
                """,
                SHAPE,
                Provenance.of("").cpu(),
                Provenance.of("").versions(),
                String.join(", ", SpeedParts.NAMES),
                Torch.threads(),
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
