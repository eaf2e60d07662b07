package org.skipgpt.torch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/** What matters about the CPU for the choice of kernels. */
public final class Processor {
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");
    private static final boolean AMD =
            isAmd(field(CPUINFO, "vendor_id"), System.getenv().getOrDefault("PROCESSOR_IDENTIFIER", ""));
    private static final boolean AVX512 = isAvx512(field(CPUINFO, "flags"));

    private Processor() {}

    /** Whether AMD made it. */
    public static boolean isAmd() {
        return AMD;
    }

    /**
     * From how many elements on inference puts a matrix into oneDNN's order and multiplies with oneDNN; none where never.
     *
     * <p>libtorch's default fp32 products come from MKL, which runs at less than half of oneDNN's speed on AMD. On Intel with
     * AVX-512 the two are equal over many rows, oneDNN is 1.2 to 1.7 times as fast over 4 to 256, and over one row its longer
     * preparation is repaid by matrices of some millions of elements only. In bf16 what is saved is the reordering at every call. What
     * the processor is decides and not a stopwatch, so that one machine always computes the same bits.
     */
    public static OptionalInt leastReordered(Dtype dtype) {
        return switch (dtype) {
            case FP32, Q8_0, Q4_0, Q4_1 ->
                AMD ? OptionalInt.of(0) : AVX512 ? OptionalInt.of(1 << 21) : OptionalInt.empty();
            case BF16 -> AVX512 ? OptionalInt.of(0) : OptionalInt.empty();
            case FP16 -> OptionalInt.empty();
        };
    }

    /**
     * What products of bf16 matrices are here, in words: processors with instructions for them are about twice as fast as in fp32,
     * those without no faster (measured on AMD's Zen 4 and Zen 3).
     */
    public static String bf16Products() {
        return bf16Products(field(CPUINFO, "flags"));
    }

    static String bf16Products(String flags) {
        if (flags.isEmpty()) {
            return "not known on this system; compare both with ./run bench";
        }
        Set<String> known = new HashSet<>(List.of(flags.split(" ")));
        return known.contains("avx512_bf16") || known.contains("amx_bf16")
                ? "instructions of their own: faster than fp32"
                : "no instructions of their own: bf16 saves memory and no time, so tune in fp32";
    }

    /** From Linux's vendor_id, or where that is empty from Windows' PROCESSOR_IDENTIFIER. */
    static boolean isAmd(String vendor, String identifier) {
        String name = vendor.isEmpty() ? identifier : vendor;
        return name.toLowerCase(Locale.ROOT).contains("authenticamd");
    }

    /** From Linux's flags; oneDNN's bf16 kernels need the subset for bytes and words, too. */
    static boolean isAvx512(String flags) {
        return new HashSet<>(List.of(flags.split(" ")))
                .containsAll(Set.of("avx512f", "avx512bw", "avx512vl", "avx512dq"));
    }

    /** A field of the first processor in Linux's list; empty where there is none. */
    static String field(Path cpuinfo, String name) {
        try (Stream<String> lines = Files.lines(cpuinfo)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException e) {
            // Another system, which has no such file.
            return "";
        }
    }
}
