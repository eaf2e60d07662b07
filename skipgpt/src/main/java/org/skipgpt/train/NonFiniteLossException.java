package org.skipgpt.train;

import java.nio.file.Path;
import java.util.Optional;

/** The loss or its gradient became NaN or infinite; the parameters keep their last good values. */
public final class NonFiniteLossException extends RuntimeException {
    NonFiniteLossException(String task, long step, double loss, double norm, Optional<Path> folder) {
        super(task + " stopped at step " + step + ": loss " + loss + ", gradient norm " + norm
                + "; lower the learning rate, or check the text of that step. "
                + folder.map(f -> "The last good state is in " + f).orElse("Nothing was saved: no folder was given")
                + ".");
    }
}
