package org.skipgpt.spark;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import org.skipgpt.SkipGpt;
import org.skipgpt.Workspace;
import org.skipgpt.model.LanguageModel;

/**
 * The dense model that tasks of this process begin with: loaded once, mapped, and shared by all tasks of the process.
 *
 * @param name as {@code load} takes it; a folder must be at the same place on every machine
 * @param hash of its weights; an executor that finds others refuses to compute
 * @param dtype of its weight matrices
 * @param device where the driver computes
 */
record Resident(String name, String hash, String dtype, String device) implements Serializable {
    private static final Map<String, LanguageModel> MODELS = new HashMap<>();

    /** Describes a loaded model, and offers it to tasks that run in this very process. */
    static Resident of(String name, LanguageModel model) {
        String device = model.device().toString().replace("()", "").replaceAll("[()]", "");
        Resident resident = new Resident(name, model.hash(), model.dtype().toString(), device);
        synchronized (MODELS) {
            MODELS.put(resident.key(device), model);
        }
        return resident;
    }

    /**
     * The model of this process, on a device.
     *
     * @throws IllegalStateException if this process computes on another device already, or its files hold another model
     */
    LanguageModel model(String wanted) {
        synchronized (MODELS) {
            MODELS.values().removeIf(model -> !model.isOpen());
            LanguageModel loaded = MODELS.get(key(wanted));
            if (loaded == null) {
                loaded = load(wanted);
                MODELS.put(key(wanted), loaded);
            }
            return loaded;
        }
    }

    private LanguageModel load(String wanted) {
        if (!MODELS.isEmpty()) {
            throw new IllegalStateException("this executor has " + MODELS.keySet() + " and now a task that asks for "
                    + key(wanted)
                    + ": one executor has one model on one device; set spark.executor.resource.gpu.amount=1,"
                    + " and begin another session for another model");
        }
        Workspace.open(wanted, dtype);
        LanguageModel loaded = SkipGpt.load(name);
        if (!loaded.hash().equals(hash)) {
            throw new IllegalStateException("\"" + name + "\" is another model on this executor (" + loaded.hash()
                    + ") than on the driver (" + hash + "): copy the same files to the same place");
        }
        return loaded;
    }

    private String key(String wanted) {
        return name + " " + hash + " " + dtype + " on " + wanted;
    }
}
