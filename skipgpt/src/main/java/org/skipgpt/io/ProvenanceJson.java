package org.skipgpt.io;

import java.util.OptionalLong;
import org.skipgpt.report.Provenance;

/** Reads what {@link Provenance#toJson} wrote; an absent field is unknown, as an empty text or NaN says. */
public final class ProvenanceJson {
    private static final int MOST_THREADS = 1 << 20;

    private ProvenanceJson() {}

    /**
     * A record from its fields.
     *
     * @throws RuntimeException of the fields' kind, naming the one that is unknown or of another type
     */
    public static Provenance read(JsonFields json) {
        Provenance origin = new Provenance(
                json.text("config", ""),
                json.has("seed")
                        ? OptionalLong.of(json.count("seed", Long.MIN_VALUE, Long.MAX_VALUE))
                        : OptionalLong.empty(),
                json.text("model", ""),
                json.text("modelHash", ""),
                json.text("data", ""),
                json.text("dataHash", ""),
                json.textsByName("versions"),
                json.text("device", ""),
                json.text("dtype", ""),
                json.integer("threads", 0, 0, MOST_THREADS),
                json.text("cpu", ""),
                json.number("seconds", Double.NaN, Numbers.any()));
        json.refuseOthers();
        return origin;
    }
}
