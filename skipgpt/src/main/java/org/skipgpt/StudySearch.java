package org.skipgpt;

import com.google.gson.JsonObject;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * How a row came to its ratio.
 *
 * @param knob what was turned, e.g. {@code "logit shift of the thresholds"}
 * @param value where it stands
 * @param tries how many settings were looked at
 */
public record StudySearch(String knob, double value, int tries) {
    JsonObject json() {
        JsonObject out = new JsonObject();
        out.addProperty("knob", knob);
        out.addProperty("value", value);
        out.addProperty("tries", tries);
        return out;
    }

    static StudySearch read(JsonFields in) {
        StudySearch read = new StudySearch(
                in.text("knob"), in.number("value", Numbers.any()), in.integer("tries", 1, Integer.MAX_VALUE));
        in.refuseOthers();
        return read;
    }
}
