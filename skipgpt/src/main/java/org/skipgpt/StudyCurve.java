package org.skipgpt;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.List;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.train.TrainingLog;

/**
 * The language loss of a run of a row, thinned to some hundred points.
 *
 * @param run the method that learned
 * @param steps ascending
 * @param loss at them, nats a token
 */
public record StudyCurve(String run, List<Double> steps, List<Double> loss) {
    private static final int POINTS = 100;

    /** Copies the lists. */
    public StudyCurve {
        steps = List.copyOf(steps);
        loss = List.copyOf(loss);
        if (steps.size() != loss.size()) {
            throw new IllegalArgumentException(
                    "curve of " + run + ": " + steps.size() + " steps but " + loss.size() + " losses");
        }
    }

    static StudyCurve of(String run, TrainingLog log) {
        TrainingLog thin = log.thinned(Math.max(1, (log.rows().size() + POINTS - 1) / POINTS));
        return new StudyCurve(
                run,
                Arrays.stream(thin.steps("LM loss")).boxed().toList(),
                Arrays.stream(thin.column("LM loss")).boxed().toList());
    }

    JsonObject json() {
        JsonObject out = new JsonObject();
        out.addProperty("run", run);
        out.add("steps", new Gson().toJsonTree(steps));
        out.add("loss", new Gson().toJsonTree(loss));
        return out;
    }

    static StudyCurve read(JsonFields in) {
        List<Double> steps = in.numbers("steps", Numbers.any());
        List<Double> loss = in.numbers("loss", Numbers.any());
        if (steps.size() != loss.size()) {
            throw in.fault("loss", "as many numbers as steps");
        }
        StudyCurve read = new StudyCurve(in.text("run"), steps, loss);
        in.refuseOthers();
        return read;
    }
}
