package org.skipgpt.io;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.concurrent.CancellationException;

/** Tries again what may work later, with growing pauses, or as long a pause as a server asks for. */
public final class Retry {
    /** How often something is tried. */
    public static final int ATTEMPTS = 6;

    private static final long LONGEST_PAUSE_MILLIS = 60_000;

    private Retry() {}

    /** Something that may fail and work later. */
    @FunctionalInterface
    public interface Attempt<T> {
        /** Tries it once. */
        T run() throws IOException;
    }

    /** A server does not answer as it should, but may do so later. */
    public static final class Later extends IOException {
        private static final long serialVersionUID = 1;
        private final long seconds;

        private Later(String message, long seconds) {
            super(message);
            this.seconds = seconds;
        }
    }

    /** Throws where a server is busy or broken: 429 or 5xx; a Retry-After in seconds is kept. */
    public static void checkBusy(String server, HttpResponse<?> response) throws Later {
        int status = response.statusCode();
        if (status == 429 || status >= 500) {
            String wait = response.headers().firstValue("Retry-After").orElse("0");
            throw new Later(server + " answers " + status, wait.matches("[0-9]{1,4}") ? Long.parseLong(wait) : 0);
        }
    }

    /**
     * Runs an attempt until it works.
     *
     * @throws IOException the last failure
     * @throws CancellationException if the thread is interrupted; it stays interrupted
     */
    public static <T> T run(String what, Attempt<T> attempt) throws IOException {
        for (int i = 1; ; i++) {
            try {
                return attempt.run();
            } catch (IOException e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw stopped(what);
                }
                if (i == ATTEMPTS) {
                    throw e;
                }
                pause(what, e instanceof Later later ? later.seconds : 0, i);
            }
        }
    }

    private static void pause(String what, long asked, int attempt) {
        try {
            Thread.sleep(Math.min(LONGEST_PAUSE_MILLIS, Math.max(asked * 1000, 100L << attempt)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw stopped(what);
        }
    }

    /** Says that a download was stopped by an interruption. */
    static CancellationException stopped(String what) {
        return new CancellationException("Downloading " + what + " was stopped; what came is kept for the next time.");
    }
}
