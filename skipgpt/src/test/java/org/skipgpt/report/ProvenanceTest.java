package org.skipgpt.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.Json;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.ProvenanceJson;

class ProvenanceTest {
    private static final Provenance ORIGIN = Provenance.of("RouterTuning[sparsity=0.25, steps=300]")
            .withSeed(7)
            .withModel("stories260K + routers", Sha256.of("weights"))
            .withData("tinystories/valid", Sha256.of("text"))
            .withDevice("cpu", "fp32", 2)
            .withVersion("torch", "2.7.1")
            .withSeconds(41.25);

    @Test
    void jsonRoundTrips() {
        for (Provenance one :
                List.of(ORIGIN, Provenance.of(""), ORIGIN.withSeed(Long.MAX_VALUE), ORIGIN.withSeed(Long.MIN_VALUE))) {
            assertThat(read(one.toJson())).isEqualTo(one);
        }
        for (String field : List.of("threads", "config", "versions", "seed", "seconds")) {
            JsonObject json = Json.object(ORIGIN.toJson(), "The text");
            json.addProperty(field, true);
            assertThatThrownBy(() -> read(json.toString()))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("The text has " + field + " = true; allowed: ");
        }
        assertThatThrownBy(() -> read("{\"sed\":7}")).hasMessageContaining("the field sed");
    }

    private static Provenance read(String json) {
        return ProvenanceJson.read(JsonFields.of(Json.object(json, "The text"), "The text"));
    }

    @Test
    void theMachineDescribesItself() {
        assertThat(ORIGIN.versions()).containsKeys("java", "os", "djl").containsEntry("torch", "2.7.1");
        assertThat(ORIGIN.cpu()).contains("cores seen");
    }

    @Test
    void theTextNamesEverythingShortly() {
        assertThat(ORIGIN.text())
                .contains("seed     7", "stories260K + routers · sha256 ", "cpu · fp32 · 2 threads", "took     41.3 s");
        Provenance chatty = Provenance.of("setting = value\n".repeat(300));
        assertThat(chatty.text().lines()).hasSizeLessThanOrEqualTo(25).allMatch(line -> line.length() <= 100);
    }

    @Test
    void itIsSavedBesideAResultAndNothingElseStays(@TempDir Path folder) throws IOException {
        ORIGIN.saveBeside(folder.resolve("new/table.csv"));

        try (Stream<Path> files = Files.list(folder.resolve("new"))) {
            assertThat(files).containsExactly(folder.resolve("new/table.csv.provenance.json"));
        }
        assertThat(read(Files.readString(folder.resolve("new/table.csv.provenance.json"))))
                .isEqualTo(ORIGIN);
    }

    @Test
    void fingerprintsAreTheKnownOnes(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("abc"), "abc");

        assertThat(Sha256.of(file))
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
                .isEqualTo(Sha256.of("abc"));
    }
}
