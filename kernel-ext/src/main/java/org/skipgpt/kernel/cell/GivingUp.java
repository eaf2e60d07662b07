package org.skipgpt.kernel.cell;

import java.util.List;
import java.util.function.Consumer;
import org.skipgpt.kernel.cell.Interrupter.Execution;
import org.skipgpt.kernel.cell.SnippetPlaces.Place;

/** What happens to a cell that nothing ends: it is told where it is, and the session goes on without it. */
final class GivingUp implements Interrupter.Stubborn {
    private final SessionThread session;
    private final CellExecutionControl control;
    private final SnippetPlaces places;
    private final Consumer<String> notices;

    GivingUp(SessionThread session, CellExecutionControl control, SnippetPlaces places, Consumer<String> notices) {
        this.session = session;
        this.control = control;
        this.places = places;
        this.notices = notices;
    }

    @Override
    public void tell(long secondsLeft) {
        notices.accept("Note: the cell does not end; it is in " + whereabouts() + ". It is left to itself in "
                + secondsLeft + " s, or at another interrupt");
    }

    @Override
    public void giveUp(Execution execution) {
        String message =
                execution.reason() + ", but did not end: it goes on in " + whereabouts() + " until the kernel is"
                        + " restarted. The next cells have a new thread: locks and ThreadLocals of the old one stay with it";
        control.forget(session.current());
        session.giveUp(new CellFailure("Interrupted", message, List.of(Ansi.bold("Interrupted") + ": " + message)));
    }

    private String whereabouts() {
        StackTraceElement[] trace = places.translated(session.current().getStackTrace());
        String inner = trace.length == 0 ? "native code" : trace[0].getClassName() + "." + trace[0].getMethodName();
        for (StackTraceElement frame : trace) {
            Place place = places.place(frame);
            if (place != null) {
                String at = place.describe(frame.getLineNumber());
                return frame.equals(trace[0]) ? at : inner + ", called at " + at;
            }
        }
        return inner;
    }
}
