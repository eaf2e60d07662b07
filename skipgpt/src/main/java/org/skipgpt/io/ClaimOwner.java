package org.skipgpt.io;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * Who made a claim.
 *
 * @param host name of the machine, for people
 * @param machine tells machines and containers apart whose hosts have one name
 * @param process its number there
 * @param start when it began, in milliseconds of that machine's clock: numbers of processes are used again; 0 where unknown
 * @param token of this one claim
 */
record ClaimOwner(String host, String machine, long process, long start, String token) {
    /** A clock that is set moves what the system says of a process's start. */
    private static final long CLOCK_MILLIS = 5_000;

    private static final String HOST = hostName();
    private static final String MACHINE = machineId();

    /** This process, for a new claim. */
    static ClaimOwner here() {
        ProcessHandle own = ProcessHandle.current();
        return new ClaimOwner(
                HOST, MACHINE, own.pid(), start(own), UUID.randomUUID().toString());
    }

    /** One line of text. */
    String line() {
        return String.join(" ", host, machine, Long.toString(process), Long.toString(start), token) + "\n";
    }

    /** Reads the first line; empty where it is not whole yet. */
    static Optional<ClaimOwner> parse(byte[] bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        String[] parts = text.lines().findFirst().orElse("").split(" ", -1);
        try {
            return text.contains("\n") && parts.length == 5
                    ? Optional.of(new ClaimOwner(
                            parts[0], parts[1], Long.parseLong(parts[2]), Long.parseLong(parts[3]), parts[4]))
                    : Optional.empty();
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    boolean isOfThisMachine() {
        return host.equals(HOST) && machine.equals(MACHINE);
    }

    /** Whether the process still runs; of this machine only. */
    boolean isAlive() {
        Optional<ProcessHandle> found = ProcessHandle.of(process).filter(ProcessHandle::isAlive);
        long began = found.map(ClaimOwner::start).orElse(0L);
        return found.isPresent() && (start == 0 || began == 0 || Math.abs(start - began) <= CLOCK_MILLIS);
    }

    private static long start(ProcessHandle process) {
        return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName().replace(' ', '_');
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }

    // Containers of one image may share a host's name, and see processes of their own.
    private static String machineId() {
        try {
            String boot =
                    Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
            return boot + ":"
                    + Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
        } catch (IOException | UnsupportedOperationException e) {
            return "any";
        }
    }

    @Override
    public String toString() {
        return "process " + process + " on " + host;
    }
}
