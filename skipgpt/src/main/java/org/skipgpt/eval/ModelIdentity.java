package org.skipgpt.eval;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Map;
import org.skipgpt.model.Adapter;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.report.Identity;

/** What decides a model's scores: weights, policy, corrections and element type. */
final class ModelIdentity {
    private ModelIdentity() {}

    static Identity of(LanguageModel model) {
        String weights = model.hash();
        String adapter = model.adapter().map(ModelIdentity::of).orElse("");
        Identity policy = model.policy().identity();
        Identity all = Identity.of("model")
                .with("weights", weights)
                .with("dtype", model.dtype())
                .with("policy", policy)
                .with("adapter", adapter, "");
        return policy.former()
                .map(text -> all.formerly(weights + "|" + model.dtype() + "|" + text + "|" + adapter))
                .orElse(all);
    }

    private static String of(Adapter adapter) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            adapter.pairs().entrySet().stream()
                    .sorted(Comparator.comparing(entry -> entry.getKey().toString()))
                    .forEach(entry -> add(digest, entry));
            return adapter.scale() + HexFormat.of().formatHex(digest.digest(), 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void add(MessageDigest digest, Map.Entry<Adapter.Key, Adapter.Pair> entry) {
        digest.update(entry.getKey().toString().getBytes(StandardCharsets.UTF_8));
        for (float[] factor : new float[][] {
            entry.getValue().a().toFloatArray(), entry.getValue().b().toFloatArray()
        }) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * factor.length);
            bytes.asFloatBuffer().put(factor);
            digest.update(bytes);
        }
    }
}
