package org.skipgpt.report;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * What a result was made from and on, so that it can be made again.
 *
 * <p>Unknown texts are empty, an unknown time is NaN.
 *
 * <pre>{@code
 * var origin = Provenance.of(tuning.toString()).withSeed(7).withModel("stories260K", Sha256.of(file)).withSeconds(41.2);
 * }</pre>
 *
 * @param config the settings of the run, as their records print themselves
 * @param seed the seed of everything drawn; empty where nothing was
 * @param model the model's name, with what was done to it
 * @param modelHash sha256 of its weights, in hex
 * @param data the data's name and part
 * @param dataHash sha256 of the data, in hex
 * @param versions version by name: skipgpt, java, djl, torch, ...
 * @param device where the tensors were: cpu, gpu(0), ...
 * @param dtype their element type: fp32, bf16, fp16
 * @param threads threads of the engine; 0 where unknown
 * @param cpu the processor's name as the machine gives it
 * @param seconds wall time of the run in seconds
 */
public record Provenance(
        String config,
        OptionalLong seed,
        String model,
        String modelHash,
        String data,
        String dataHash,
        Map<String, String> versions,
        String device,
        String dtype,
        int threads,
        String cpu,
        double seconds)
        implements Report {
    /** Sorts the versions by name. */
    public Provenance {
        versions = Collections.unmodifiableMap(new TreeMap<>(versions));
    }

    /** A run of these settings on this machine, with what the machine knows about itself. */
    public static Provenance of(String config) {
        return new Provenance(
                config, OptionalLong.empty(), "", "", "", "", Machine.versions(), "", "", 0, Machine.cpu(), Double.NaN);
    }

    /** The same with a seed. */
    public Provenance withSeed(long newSeed) {
        return copy(OptionalLong.of(newSeed), model, modelHash, data, dataHash, versions, seconds);
    }

    /** The same with a model. */
    public Provenance withModel(String name, String sha256) {
        return copy(seed, name, sha256, data, dataHash, versions, seconds);
    }

    /** The same with a data set. */
    public Provenance withData(String name, String sha256) {
        return copy(seed, model, modelHash, name, sha256, versions, seconds);
    }

    /** The same with one more version. */
    public Provenance withVersion(String name, String version) {
        Map<String, String> more = new TreeMap<>(versions);
        more.put(name, version);
        return copy(seed, model, modelHash, data, dataHash, more, seconds);
    }

    /** The same with the wall time in seconds. */
    public Provenance withSeconds(double newSeconds) {
        return copy(seed, model, modelHash, data, dataHash, versions, newSeconds);
    }

    /** The same with device, element type and engine threads. */
    public Provenance withDevice(String newDevice, String newDtype, int newThreads) {
        return new Provenance(
                config,
                seed,
                model,
                modelHash,
                data,
                dataHash,
                versions,
                newDevice,
                newDtype,
                newThreads,
                cpu,
                seconds);
    }

    private Provenance copy(
            OptionalLong newSeed,
            String newModel,
            String newModelHash,
            String newData,
            String newDataHash,
            Map<String, String> newVersions,
            double newSeconds) {
        return new Provenance(
                config,
                newSeed,
                newModel,
                newModelHash,
                newData,
                newDataHash,
                newVersions,
                device,
                dtype,
                threads,
                cpu,
                newSeconds);
    }

    /** The record as JSON; {@code ProvenanceJson} reads it back. */
    public String toJson() {
        JsonObject json = new JsonObject();
        json.addProperty("config", config);
        seed.ifPresent(number -> json.addProperty("seed", number));
        json.addProperty("model", model);
        json.addProperty("modelHash", modelHash);
        json.addProperty("data", data);
        json.addProperty("dataHash", dataHash);
        JsonObject named = new JsonObject();
        versions.forEach(named::addProperty);
        json.add("versions", named);
        json.addProperty("device", device);
        json.addProperty("dtype", dtype);
        json.addProperty("threads", threads);
        json.addProperty("cpu", cpu);
        if (!Double.isNaN(seconds)) {
            json.addProperty("seconds", seconds);
        }
        return new GsonBuilder()
                .setPrettyPrinting()
                .disableHtmlEscaping()
                .create()
                .toJson(json);
    }

    /** Writes the record beside a result: {@code table.csv} gets {@code table.csv.provenance.json}. */
    public void saveBeside(Path result) {
        WholeFile.write(result.resolveSibling(result.getFileName() + ".provenance.json"), toJson() + "\n");
    }

    @Override
    public String text() {
        return ProvenanceText.of(this);
    }

    @Override
    public String toString() {
        return text();
    }
}
