package org.skipgpt.kernel.magic;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Memory and GPUs of this machine, as text. */
final class MachineState {
    private static final long SMI_LIMIT_SECONDS = 10;

    private MachineState() {}

    /** Heap, buffers and, where the system tells, the whole process with its native memory. */
    static String memory() {
        MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        long buffers = ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
        return "Java heap: " + mib(heap.getUsed()) + " of at most " + mib(heap.getMax()) + "\n" + "buffers:   "
                + mib(buffers) + resident();
    }

    private static String resident() {
        try {
            List<String> lines = Files.readAllLines(Path.of("/proc/self/status"));
            return line(lines, "VmRSS:", "process:   ") + line(lines, "VmHWM:", "peak:      ");
        } catch (IOException e) {
            return ""; // only Linux has this file
        }
    }

    private static String line(List<String> lines, String key, String name) {
        return lines.stream()
                .filter(line -> line.startsWith(key))
                .map(line -> "\n" + name + mib(Long.parseLong(line.replaceAll("\\D", "")) * 1024))
                .findFirst()
                .orElse("");
    }

    /** What {@code nvidia-smi} says. */
    static String gpus() {
        ProcessBuilder builder = new ProcessBuilder(
                "nvidia-smi",
                "--query-gpu=index,name,memory.used,memory.total,utilization.gpu",
                "--format=csv,noheader");
        builder.redirectErrorStream(true);
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            // with a broken driver it never ends; a few lines fit into the pipe
            if (!process.waitFor(SMI_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return "no GPU can be used: nvidia-smi said nothing for " + SMI_LIMIT_SECONDS + " s";
            }
            String text = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
            return process.exitValue() == 0 ? text : "no GPU can be used: nvidia-smi says: " + text;
        } catch (IOException e) {
            return "no NVIDIA GPU: nvidia-smi is not installed; everything runs on the CPU";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
    }

    private static String mib(long bytes) {
        return String.format(Locale.ROOT, "%,d MiB", bytes >> 20);
    }
}
