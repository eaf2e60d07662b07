package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.wire.WireMessage;

/** A long session with all that may happen in one; short in the build, -Dskipgpt.soak=2000 by hand. */
class KernelSoakTest {
    private static final int CELLS = Integer.getInteger("skipgpt.soak", 64);
    private static final int MEASURES = 8;

    /**
     * A session forgets what is over. Its list of classes comes while the first cells run, and the compiler keeps up to
     * two million bytes before it is made anew, which a short session shows. Results that are kept would be some two million
     * bytes a cell, snippets that are kept some 26,000; what grows with the number of earlier cells is seen in a long
     * session only.
     */
    private static final double BYTES_A_CELL = CELLS < 1_000 ? 150_000 : 15_000;

    private static final String USED = "System.gc(); Thread.sleep(50); System.gc();\n"
            + "Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()";

    @Test
    void aLongSessionStaysWellAndItsMemoryFlat(@TempDir Path folder) throws Exception {
        try (LiveKernel kernel = LiveKernel.start(folder, Map.of("JDK_JAVA_OPTIONS", "-Xmx400m"))) {
            List<Long> used = new ArrayList<>();
            for (int i = 0; i < CELLS; i++) {
                cell(kernel, i);
                if ((i + 1) % Math.max(1, CELLS / MEASURES) == 0) {
                    used.add(Long.parseLong(kernel.run(USED).result().orElseThrow()));
                    System.out.println("heap in use after " + (i + 1) + " of " + CELLS + " cells: " + used); // at once
                }
            }

            long growth = used.get(used.size() - 1) - used.get(used.size() / 2); // the first half warms up
            double cells = CELLS * (used.size() - 1 - used.size() / 2) / (double) used.size();
            assertThat(growth / cells).as("bytes a cell; %s", used).isLessThan(BYTES_A_CELL);
            assertThat(kernel.run("6 * 7").result()).contains("42");
        }
    }

    private static void cell(LiveKernel kernel, int i) throws Exception {
        switch (i % 8) {
            case 0 -> ok(kernel, "byte[] data = new byte[10_000_000];\nint step = " + i + ";");
            case 1 ->
                ok(
                        kernel,
                        "record Item(int a) { int twice() { return 2 * a + " + i
                                + "; } }\nItem item = new Item(step);");
            case 2 ->
                assertThat(kernel.run("throw new IllegalStateException(\"" + i + "\");")
                                .status())
                        .isEqualTo("error");
            case 3 -> ok(kernel, "for (int k = 0; k < 2_000; k++) System.out.println(\"line \" + k);");
            case 4 -> ok(kernel, "new byte[5_000_000]");
            case 5 ->
                assertThat(kernel.run("int broken = nowhere" + i + ";").status())
                        .isEqualTo("error");
            case 6 -> {
                WireMessage endless = kernel.client.executeLater("System.out.println(1); while (true) { }", true);
                kernel.awaitOutput(endless);
                kernel.client.interrupt(LiveKernel.LIMIT);
                assertThat(kernel.await(endless).status()).isEqualTo("error");
            }
            default -> ok(kernel, "int twice(int n) { return 2 * n + " + i + "; }\ntwice(item.a()) + data.length");
        }
    }

    private static void ok(LiveKernel kernel, String code) throws Exception {
        assertThat(kernel.run(code).traceback()).isEmpty();
    }
}
