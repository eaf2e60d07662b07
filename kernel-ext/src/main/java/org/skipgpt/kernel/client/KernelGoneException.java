package org.skipgpt.kernel.client;

import java.util.concurrent.TimeoutException;

/** The kernel's process has ended, so no answer will ever come. */
public final class KernelGoneException extends TimeoutException {
    private static final long serialVersionUID = 1L;

    /** Says so. */
    public KernelGoneException() {
        super("the kernel's process has ended");
    }
}
