package org.skipgpt.torch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/** What matters about the CPU for the choice of kernels. */
public final class Processor {
    private static final boolean AMD =
            isAmd(vendor(Path.of("/proc/cpuinfo")), System.getenv().getOrDefault("PROCESSOR_IDENTIFIER", ""));

    private Processor() {}

    /**
     * Whether AMD made it. libtorch's default fp32 products come from MKL, which runs at less than half of oneDNN's speed
     * there; on Intel the two are equal over many rows and MKL is faster by a tenth over one. The vendor decides and
     * not a stopwatch, so that the same machine always computes the same bits.
     */
    public static boolean isAmd() {
        return AMD;
    }

    /** From Linux's vendor_id, or where that is empty from Windows' PROCESSOR_IDENTIFIER. */
    static boolean isAmd(String vendor, String identifier) {
        String name = vendor.isEmpty() ? identifier : vendor;
        return name.toLowerCase(Locale.ROOT).contains("authenticamd");
    }

    static String vendor(Path cpuinfo) {
        try (Stream<String> lines = Files.lines(cpuinfo)) {
            return lines.filter(line -> line.startsWith("vendor_id"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException e) {
            // Another system, which has no such file.
            return "";
        }
    }
}
