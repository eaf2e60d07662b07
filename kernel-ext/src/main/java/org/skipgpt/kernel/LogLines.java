package org.skipgpt.kernel;

import java.io.PrintStream;
import java.util.Locale;
import java.util.logging.ErrorManager;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;

/**
 * Shows what {@code java.util.logging} is given below the cell, one line a record; what the kernel itself logs goes to the
 * terminal of the server.
 */
final class LogLines extends Handler {
    private static final String OURS = "org.skipgpt.kernel";

    private final PrintStream terminal;
    private final SimpleFormatter formatter = new SimpleFormatter();

    private LogLines(PrintStream terminal) {
        this.terminal = terminal;
    }

    /** Takes the place of the handlers that print to the terminal. */
    static void install(PrintStream terminal) {
        Logger root = Logger.getLogger("");
        for (Handler handler : root.getHandlers()) {
            if (handler instanceof java.util.logging.ConsoleHandler) {
                root.removeHandler(handler);
            }
        }
        LogLines lines = new LogLines(terminal);
        lines.setLevel(Level.INFO);
        root.addHandler(lines);
    }

    @Override
    public void publish(LogRecord record) {
        if (!isLoggable(record)) {
            return;
        }
        String name = String.valueOf(record.getLoggerName());
        String line = String.format(
                Locale.ROOT, "%s %s: %s", record.getLevel().getName(), name, formatter.formatMessage(record));
        PrintStream target = name.startsWith(OURS) ? terminal : System.err;
        try {
            target.println(line);
            if (record.getThrown() != null) {
                record.getThrown().printStackTrace(target);
            }
        } catch (RuntimeException e) {
            reportError(null, e, ErrorManager.WRITE_FAILURE);
        }
    }

    @Override
    public void flush() {
        System.err.flush();
    }

    @Override
    public void close() {
        flush();
    }
}
