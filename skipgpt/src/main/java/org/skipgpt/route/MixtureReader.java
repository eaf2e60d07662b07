package org.skipgpt.route;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.List;
import java.util.Optional;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;

/** Reads Mixture-of-Depths. */
public final class MixtureReader implements PolicyReader {
    @Override
    public String method() {
        return MixturePolicy.METHOD;
    }

    @Override
    public LayerPolicy read(
            JsonObject settings, Optional<TensorSource> tensors, LanguageModel over, KvPolicy kv, NDManager owner) {
        if (kv != KvPolicy.EXECUTED) {
            throw new CheckpointException(
                    "Mixture-of-Depths leaves no keys and values of tokens that are not chosen, so K/V" + " policy "
                            + kv + " computes another function: use EXECUTED");
        }
        TensorSource source = tensors.orElseThrow(
                () -> new CheckpointException("the folder keeps no tensors of its Mixture-of-Depths: save it again"));
        JsonFields fields = JsonFields.of(settings, "The folder's Mixture-of-Depths");
        MixturePolicy.Choice choice = fields.choice("choice", MixturePolicy.Choice.class);
        double capacity =
                fields.number("capacity", new Numbers("a number above 0 up to 1", value -> value > 0 && value <= 1));
        boolean blocks = fields.flag("blocks", false);
        int every = fields.integer("every", 1, 1, 1_000);
        List<Double> thresholds = fields.numbers("thresholds", Numbers.any());
        if (thresholds.size() > 1 && thresholds.size() != over.config().modules()) {
            throw fields.fault(
                    "thresholds",
                    "one number, or one for each of " + over.config().modules() + " modules");
        }
        fields.refuseOthers();
        MixtureWeights weights = MixtureWeights.load(owner, over.config(), source);
        // Folders of the first version know modules of every layer alone.
        MixtureForm form = new MixtureForm(capacity, blocks, every);
        MixturePolicy read = MixturePolicy.of(owner, weights, form, choice);
        return over.policy()
                .withCore(
                        thresholds.isEmpty()
                                ? read
                                : read.withThresholds(new Thresholds(thresholds.stream()
                                        .mapToDouble(Double::doubleValue)
                                        .toArray())));
    }
}
