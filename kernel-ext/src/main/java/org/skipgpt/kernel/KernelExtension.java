package org.skipgpt.kernel;

/**
 * Code that prepares every session: renderers, magics, imports. It is named in
 * {@code META-INF/services/org.skipgpt.kernel.KernelExtension} of a jar on the kernel's class path, or of one that a cell
 * adds.
 */
public interface KernelExtension {
    /** Installs the extension; an exception is shown to the reader and leaves the session as it is. */
    void install(JavaKernel kernel);
}
