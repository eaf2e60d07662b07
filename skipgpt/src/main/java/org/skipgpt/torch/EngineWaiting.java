package org.skipgpt.torch;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.util.Map;

/**
 * How long engine threads wait for each other awake, before libtorch reads it.
 *
 * <p>By its default libgomp turns 300,000 times before a thread sleeps. Alone that costs nothing; where processes share cores,
 * each turns while a thread of another one should run. A JVM cannot change its own environment, so the C library is asked.
 */
final class EngineWaiting {
    static final String VARIABLE = "GOMP_SPINCOUNT";
    static final String TURNS = "10000";

    private EngineWaiting() {}

    /**
     * Shortens the wait, unless the environment says how to wait. Works until libtorch is loaded, on Linux; elsewhere
     * libtorch comes with another OpenMP library, which sleeps by itself.
     *
     * @return whether it was set
     */
    static boolean shorten(Map<String, String> environment) {
        if (!Platform.isLinux() || environment.containsKey(VARIABLE) || environment.containsKey("OMP_WAIT_POLICY")) {
            return false;
        }
        Function setenv = NativeLibrary.getProcess().getFunction("setenv");
        int overwrite = 1;
        return setenv.invokeInt(new Object[] {VARIABLE, TURNS, overwrite}) == 0;
    }
}
