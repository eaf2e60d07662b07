package org.skipgpt.report;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** How much memory an NVIDIA GPU has left, as the driver's {@code nvidia-smi} says it. */
public final class GpuMemory {
    private static final long LONGEST_SECONDS = 10;

    private GpuMemory() {}

    /**
     * Bytes that a GPU has left now; empty where the tool is not there or does not say it, and where GPUs are numbered otherwise by
     * {@code CUDA_VISIBLE_DEVICES}.
     *
     * @param gpu its number, 0 first
     */
    public static OptionalLong left(int gpu) {
        return left(
                gpu, System.getenv(), "nvidia-smi", "--query-gpu=index,memory.free", "--format=csv,noheader,nounits");
    }

    static OptionalLong left(int gpu, Map<String, String> environment, String... command) {
        if (environment.containsKey("CUDA_VISIBLE_DEVICES")) {
            return OptionalLong.empty();
        }
        try {
            Process tool = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try {
                // A line a GPU fits into the pipe; a tool that hangs would never end what is read.
                boolean ended = tool.waitFor(LONGEST_SECONDS, TimeUnit.SECONDS);
                if (!ended || tool.exitValue() != 0) {
                    return OptionalLong.empty();
                }
                return read(gpu, new String(tool.getInputStream().readNBytes(1 << 16), StandardCharsets.UTF_8));
            } finally {
                tool.destroy();
            }
        } catch (IOException e) {
            return OptionalLong.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return OptionalLong.empty();
        }
    }

    // A line a GPU: its number, then MiB.
    private static OptionalLong read(int gpu, String said) {
        return said.lines()
                .map(line -> line.split(",", -1))
                .filter(parts -> parts.length == 2 && parts[0].strip().equals(Integer.toString(gpu)))
                .map(parts -> parts[1].strip())
                .filter(number -> number.matches("\\d{1,12}"))
                .mapToLong(number -> Long.parseLong(number) << 20)
                .findFirst();
    }
}
