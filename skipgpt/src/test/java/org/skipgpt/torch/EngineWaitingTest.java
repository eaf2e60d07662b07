package org.skipgpt.torch;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.NativeLibrary;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class EngineWaitingTest {
    @Test
    void whatTheEnvironmentSaysStays() {
        assertThat(EngineWaiting.shorten(Map.of("OMP_WAIT_POLICY", "ACTIVE"))).isFalse();
        assertThat(EngineWaiting.shorten(Map.of("GOMP_SPINCOUNT", "7"))).isFalse();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void otherwiseTheProcessHasTheShorterWait() {
        assertThat(EngineWaiting.shorten(Map.of())).isTrue();

        Object seen =
                NativeLibrary.getProcess().getFunction("getenv").invokeString(new Object[] {"GOMP_SPINCOUNT"}, false);
        assertThat(seen).isEqualTo("10000");
    }
}
