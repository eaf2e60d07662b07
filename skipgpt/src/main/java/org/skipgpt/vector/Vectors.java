package org.skipgpt.vector;

import java.util.Optional;

/**
 * Whether this Java has vectors: the module jdk.incubator.vector, and a processor with 256 bits or more.
 *
 * <pre>{@code
 * Vectors.kernels().ifPresent(k -> System.out.println(k.bits()));
 * }</pre>
 */
public final class Vectors {
    /** Java's module that has them. */
    public static final String MODULE = "jdk.incubator.vector";

    /** What switches them on, an option of Java. */
    public static final String OPTION = "--add-modules " + MODULE;

    private static final int LEAST_BITS = 256;

    private Vectors() {}

    /** The kernels; empty where something is missing. */
    public static Optional<RowKernels> kernels() {
        return Found.KERNELS;
    }

    /** What is missing and how to get it; empty where nothing is. */
    public static Optional<String> missing() {
        return Found.MISSING;
    }

    /** Looked for once: what a process was started with stays. */
    private static final class Found {
        static final Optional<RowKernels> KERNELS;
        static final Optional<String> MISSING;

        static {
            if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
                KERNELS = Optional.empty();
                MISSING = Optional.of("Java was started without its module " + MODULE + ": add " + OPTION);
            } else {
                RowKernels found = load();
                boolean wide = found.bits() >= LEAST_BITS;
                KERNELS = wide ? Optional.of(found) : Optional.empty();
                MISSING = wide
                        ? Optional.empty()
                        : Optional.of(
                                "this processor's vectors have " + found.bits() + " bits, fewer than " + LEAST_BITS);
            }
        }

        // By name: a class that is named in code might be linked where the module is absent.
        private static RowKernels load() {
            try {
                return Class.forName("org.skipgpt.vector.simd.VectorKernels")
                        .asSubclass(RowKernels.class)
                        .getConstructor()
                        .newInstance();
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(
                        "the module " + MODULE + " is there, but this library's vector classes are not: build it whole"
                                + " with Maven",
                        e);
            }
        }
    }
}
