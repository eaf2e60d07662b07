package org.skipgpt.report;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much memory this process can still have before the system ends one: what the machine has available, or what is left
 * up to the limit of the container around it, whichever is less.
 *
 * <p>Pages that only mirror files count as available, since the system gives them up when memory is asked for.
 *
 * @param available bytes that can still be had
 * @param total bytes in all: of the machine, or the container's limit
 */
public record MemoryLeft(long available, long total) {
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,18}");

    /** As it is now. */
    public static MemoryLeft now() {
        return read(Path.of("/"), beans());
    }

    private static MemoryLeft beans() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
                ? new MemoryLeft(os.getFreeMemorySize(), os.getTotalMemorySize())
                : new MemoryLeft(Long.MAX_VALUE, Long.MAX_VALUE);
    }

    /** What Linux says in the files below a root; other systems have none, and then something else holds. */
    static MemoryLeft read(Path root, MemoryLeft otherwise) {
        OptionalLong available = number(root.resolve("proc/meminfo"), "MemAvailable:\\s*");
        OptionalLong total = number(root.resolve("proc/meminfo"), "MemTotal:\\s*");
        if (available.isEmpty() || total.isEmpty()) {
            return otherwise;
        }
        MemoryLeft left = new MemoryLeft(available.getAsLong() << 10, total.getAsLong() << 10); // it counts KiB
        Path groups = root.resolve("sys/fs/cgroup");
        String own = text(root.resolve("proc/self/cgroup"));
        Matcher second = Pattern.compile("(?m)^0::/(.*)$").matcher(own);
        Path at = second.find() ? groups.resolve(second.group(1)).normalize() : groups;
        // A limit of any group above holds too; inside a container the own path may lead out of what is seen.
        for (; at.startsWith(groups) && !at.equals(groups); at = at.resolveSibling("")) {
            left = left.within(at);
        }
        left = left.within(groups);
        Path first = groups.resolve("memory");
        return left.within(
                first.resolve("memory.limit_in_bytes"),
                first.resolve("memory.usage_in_bytes"),
                first.resolve("memory.stat"));
    }

    private MemoryLeft within(Path group) {
        return within(group.resolve("memory.max"), group.resolve("memory.current"), group.resolve("memory.stat"));
    }

    private MemoryLeft within(Path limit, Path used, Path statistics) {
        OptionalLong most = number(limit, "^");
        OptionalLong now = number(used, "^");
        if (most.isEmpty() || now.isEmpty() || most.getAsLong() >= total) {
            return this;
        }
        long files = number(statistics, "(?m)^(?:total_)?inactive_file ").orElse(0);
        long left = Math.max(0, most.getAsLong() - Math.max(0, now.getAsLong() - files));
        return new MemoryLeft(Math.min(available, left), most.getAsLong());
    }

    private static OptionalLong number(Path file, String before) {
        Matcher found = Pattern.compile(before + "(" + NUMBER + ")\\b").matcher(text(file));
        return found.find() ? OptionalLong.of(Long.parseLong(found.group(1))) : OptionalLong.empty();
    }

    private static String text(Path file) {
        try {
            return Files.isRegularFile(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            return ""; // what cannot be read sets no limit that is known
        }
    }

    /** A number of bytes in GiB, e.g. {@code 13.5 GiB}. */
    public static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }
}
