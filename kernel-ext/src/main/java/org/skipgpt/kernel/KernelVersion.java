package org.skipgpt.kernel;

/** The version of this kernel. */
final class KernelVersion {
    private KernelVersion() {}

    /** The version the jar was built as; {@code development} when run from class folders. */
    static String text() {
        String version = KernelVersion.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
