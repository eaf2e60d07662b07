package org.skipgpt.kernel;

/** Installs what makes results look right. */
final class KernelExtensions {
    private KernelExtensions() {}

    static void install(JavaKernel kernel) {}
}
