package org.skipgpt.kernel.cell;

import java.util.Map;
import jdk.jshell.spi.ExecutionControl;
import jdk.jshell.spi.ExecutionControlProvider;
import jdk.jshell.spi.ExecutionEnv;

/** Gives JShell one prepared execution control. */
record CellExecutionProvider(CellExecutionControl control) implements ExecutionControlProvider {
    @Override
    public String name() {
        return "skipgpt-cells";
    }

    @Override
    public ExecutionControl generate(ExecutionEnv env, Map<String, String> parameters) {
        return control;
    }
}
