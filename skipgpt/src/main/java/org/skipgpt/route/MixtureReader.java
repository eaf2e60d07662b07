package org.skipgpt.route;

import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.util.Arrays;
import java.util.Optional;
import org.skipgpt.io.CheckpointException;
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
        MixturePolicy.Choice choice = Arrays.stream(MixturePolicy.Choice.values())
                .filter(one -> one.name().equals(settings.get("choice").getAsString()))
                .findFirst()
                .orElseThrow(() -> new CheckpointException("choice " + settings.get("choice")
                        + " of Mixture-of-Depths is not known: expected one of "
                        + Arrays.toString(MixturePolicy.Choice.values())));
        MixtureWeights weights = MixtureWeights.load(owner, over.config(), source);
        // Folders of the first version know modules of every layer alone.
        MixtureForm form = new MixtureForm(
                settings.get("capacity").getAsDouble(),
                settings.has("blocks") && settings.get("blocks").getAsBoolean(),
                settings.has("every") ? settings.get("every").getAsInt() : 1);
        MixturePolicy read = MixturePolicy.of(owner, weights, form, choice);
        return over.policy().withCore(read);
    }
}
