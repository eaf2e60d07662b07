package org.skipgpt.kernel.jjava;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ServiceLoader;
import org.dflib.jjava.jupyter.Extension;
import org.junit.jupiter.api.Test;

class JJavaExtensionTest {
    @Test
    void jJavaFindsTheExtensionAsAService() {
        assertThat(ServiceLoader.load(Extension.class))
                .hasOnlyElementsOfType(JJavaExtension.class)
                .hasSize(1);
    }
}
