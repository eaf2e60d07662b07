package org.skipgpt.kernel.wire;

/** The message channels of a kernel; the heartbeat carries no messages. */
public enum Channel {
    /** Requests in order: execute, complete, inspect and so on. */
    SHELL,
    /** Requests that do not wait for cells: interrupt, shutdown. */
    CONTROL,
    /** Questions of a cell to its reader. */
    STDIN,
    /** Outputs and states, to everyone who listens. */
    IOPUB
}
