package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorSource;
import org.skipgpt.model.Decision;
import org.skipgpt.model.KvPolicy;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.model.PolicyReader;
import org.skipgpt.model.Rows;
import org.skipgpt.model.SavedPolicy;
import org.skipgpt.prune.DropPlan;
import org.skipgpt.report.Identity;
import org.skipgpt.report.Provenance;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.train.SkipGptFolder;

/** A policy of one's own, as a notebook cell declares it: evaluated, traced, counted, and saved if it says how. */
class OwnPolicyEngineTest {
    /** Every second token skips every MLP, and the first of its weights says how much the others count. */
    record EverySecond(float weight) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            float[] gates = new float[rows.size()];
            for (int row = 0; row < gates.length; row++) {
                gates[row] = rows.at()[row] % 2 == 0 || site.index() % 2 == 0 ? weight : 0;
            }
            return Decision.gated(residual.getManager(), gates);
        }

        @Override
        public Identity identity() {
            return Identity.of("every second", this);
        }

        @Override
        public String describe() {
            return "every second MLP";
        }
    }

    /** The same, and it says how it is saved. */
    record Kept(EverySecond inner, LanguageModel over) implements LayerPolicy {
        @Override
        public Decision decide(ModuleSite site, NDArray residual, NDArray layerInput, Rows rows) {
            return inner.decide(site, residual, layerInput, rows);
        }

        @Override
        public List<SavedPolicy> saved() {
            JsonObject settings = new JsonObject();
            settings.addProperty("every", 2);
            NDArray weight = over.scope().create(new float[] {inner.weight()});
            return List.of(new SavedPolicy("every second", settings, Map.of("weight", weight)));
        }

        @Override
        public Identity identity() {
            return inner.identity();
        }

        @Override
        public String describe() {
            return inner.describe();
        }
    }

    /** Reads it. */
    record Reader() implements PolicyReader {
        @Override
        public String method() {
            return "every second";
        }

        @Override
        public LayerPolicy read(
                JsonObject settings, Optional<TensorSource> tensors, LanguageModel over, KvPolicy kv, NDManager owner) {
            assertThat(settings.get("every").getAsInt()).isEqualTo(2);
            return new EverySecond(tensors.orElseThrow().floats("weight")[0]);
        }
    }

    @Test
    void itIsTracedCountedDroppedAroundAndSavedIfItSaysHow(@TempDir Path parent) {
        Workspace workspace = SkipGpt.workspace("cpu", "fp32");
        LanguageModel model = SkipGpt.load("world");
        LanguageModel own = model.withPolicy(new EverySecond(0.5f));
        int[] ids = model.tokenizer().encodeWithBos("The river");

        assertThat(SkipGpt.trace(own, List.of("The river runs")).skipped(ModuleKind.MLP))
                .isBetween(0.3, 0.6);
        assertThat(SkipGpt.sparsity(own, List.of("The river runs")).cost().attention())
                .isZero();
        assertThatThrownBy(() -> SkipGpt.save(own, parent.resolve("own").toString()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"every second MLP\" does not say how it is saved")
                .hasMessageContaining(EverySecond.class.getName());

        DropPlan plan = DropPlan.of(
                "by hand", model.config(), List.of(ModuleSite.of(2), ModuleSite.of(5)), Provenance.of("by hand"));
        LanguageModel kept = SkipGpt.drop(model.withPolicy(new Kept(new EverySecond(0.5f), model)), plan);
        Path folder = parent.resolve("kept");
        SkipGpt.save(kept, folder.toString());

        assertThatThrownBy(() -> SkipGptFolder.load(folder, model, workspace.manager()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("\"every second\", which nothing here reads; known are [approximators, drop")
                .hasMessageContaining("PolicyReader");
        LanguageModel again = SkipGptFolder.load(folder, model, workspace.manager(), new Reader());
        assertThat(again.alwaysPacked().logits(ids)[0])
                .isDeepEqualTo(kept.alwaysPacked().logits(ids)[0]);
        assertThat(again.policy().identity()).isEqualTo(kept.policy().identity());
        assertThat(again.policy().isDropped(ModuleSite.of(5))).isTrue();
        SkipGpt.save(SkipGpt.drop(model, plan), parent.resolve("plan").toString());
        assertThat(SkipGpt.loadSkipGpt(parent.resolve("plan").toString(), model).policy())
                .isEqualTo(SkipGpt.drop(model, plan).policy());
    }
}
