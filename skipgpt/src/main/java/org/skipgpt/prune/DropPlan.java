package org.skipgpt.prune;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;
import org.skipgpt.io.ProvenanceJson;
import org.skipgpt.model.LanguageModel;
import org.skipgpt.model.LayerPolicy;
import org.skipgpt.report.Provenance;
import org.skipgpt.report.Report;
import org.skipgpt.report.WholeFile;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;

/**
 * Which modules of a model are dropped for every token.
 *
 * @param method what chose them
 * @param layers layers of the model it was made for
 * @param dropped the modules, in forward order
 * @param parameterRatio dropped share of the parameters of all layers
 * @param allParameterRatio dropped share of the whole model's parameters
 * @param provenance what it was made from and on
 */
public record DropPlan(
        String method,
        int layers,
        List<ModuleSite> dropped,
        double parameterRatio,
        double allParameterRatio,
        Provenance provenance)
        implements Report {
    private static final int MOST_LAYERS = 10_000;

    /** Copies the list and checks it. */
    public DropPlan {
        dropped = List.copyOf(dropped);
        for (ModuleSite site : dropped) {
            if (site.layer() < 0 || site.layer() >= layers) {
                throw new IllegalArgumentException("a plan for " + layers + " layers cannot drop " + site
                        + ": expected layers 0.." + (layers - 1));
            }
        }
    }

    /** A plan for a model's shape. */
    public static DropPlan of(String method, DecoderConfig config, List<ModuleSite> dropped, Provenance provenance) {
        long parameters = parameters(config, dropped);
        return new DropPlan(
                method,
                config.layers(),
                dropped,
                (double) parameters / config.blockParameters(),
                (double) parameters / config.parameters(),
                provenance);
    }

    /** The modules that a model lacks already, in forward order. */
    static List<ModuleSite> gone(LanguageModel model) {
        return model.config().sites().stream().filter(model.policy()::isDropped).toList();
    }

    /** What chose the modules of a plan that holds some dropped before. */
    static String method(String name, DecoderConfig config, List<ModuleSite> before) {
        double share = (double) parameters(config, before) / config.blockParameters();
        return before.isEmpty() ? name : String.format(Locale.ROOT, "%s with %.1f %% before", name, 100 * share);
    }

    private static long parameters(DecoderConfig config, List<ModuleSite> sites) {
        return sites.stream().mapToLong(config::parameters).sum();
    }

    /**
     * The model without these modules; weights are shared. What the model lacks already does not come back, and routers go
     * on deciding about what is left.
     *
     * @throws IllegalArgumentException if the model has another number of layers
     */
    public LanguageModel applyTo(LanguageModel model) {
        if (model.config().layers() != layers) {
            throw new IllegalArgumentException("this plan is for " + layers + " layers and " + model.name() + " has "
                    + model.config().layers() + "; make a plan for the model");
        }
        List<ModuleSite> gone = gone(model);
        if (dropped.containsAll(gone)) {
            return model.withPolicy(new DropPolicy(this, kept(model)));
        }
        List<ModuleSite> all = Stream.concat(gone.stream(), dropped.stream())
                .distinct()
                .sorted(Comparator.comparingInt(ModuleSite::index))
                .toList();
        DropPlan both = of(method(method, model.config(), gone), model.config(), all, provenance);
        return model.withPolicy(new DropPolicy(both, kept(model)));
    }

    // One plan holds all that plans dropped; whatever else decides goes on to.
    private static LayerPolicy kept(LanguageModel model) {
        return model.policy() instanceof DropPolicy before ? before.rest() : model.policy();
    }

    /** The plan of a model from which modules are gone, whatever dropped them; empty where none is. */
    static Optional<DropPlan> of(LanguageModel model) {
        if (model.policy() instanceof DropPolicy dropped) {
            return Optional.of(dropped.plan());
        }
        List<ModuleSite> gone = gone(model);
        return gone.isEmpty()
                ? Optional.empty()
                : Optional.of(of(model.policy().describe(), model.config(), gone, model.provenance("drop plan")));
    }

    /** Share of all modules that are dropped: the sparsity of every token. */
    public double sparsity() {
        return dropped.size() / (2.0 * layers);
    }

    /** Whether whole layers are dropped and nothing else, so that the rest is a plain smaller model. */
    public boolean isWholeLayers() {
        return dropped.stream()
                .allMatch(site -> dropped.contains(new ModuleSite(
                        site.layer(), site.module() == ModuleKind.MLP ? ModuleKind.ATTENTION : ModuleKind.MLP)));
    }

    /** The layers that keep a module, in order. */
    public List<Integer> keptLayers() {
        return IntStream.range(0, layers)
                .filter(layer -> !dropped.contains(new ModuleSite(layer, ModuleKind.ATTENTION))
                        || !dropped.contains(new ModuleSite(layer, ModuleKind.MLP)))
                .boxed()
                .toList();
    }

    /**
     * The line that prunes the same layers of the same model's GGUF file with llama.cpp's own tool, for a shell.
     *
     * @param gguf the model's file
     * @param pruned what is written
     * @throws IllegalArgumentException if the plan drops single modules, for which that tool has no form
     */
    public String llamaCppCommand(String gguf, String pruned) {
        if (!isWholeLayers()) {
            throw new IllegalArgumentException(
                    "the plan of " + method + " drops single modules; llama-quantize prunes whole"
                            + " layers only: use a plan of layers, e.g. shortGpt(model, texts, 0.25)");
        }
        List<Integer> kept = keptLayers();
        String gone = IntStream.range(0, layers)
                .filter(layer -> !kept.contains(layer))
                .mapToObj(String::valueOf)
                .collect(Collectors.joining(","));
        return "llama-quantize --prune-layers " + gone + " \"" + gguf + "\" \"" + pruned + "\" COPY";
    }

    /** The plan as JSON; {@link #open} reads it back. */
    public String json() {
        JsonObject out = new JsonObject();
        out.addProperty("method", method);
        out.addProperty("layers", layers);
        JsonArray sites = new JsonArray();
        dropped.forEach(site -> sites.add(site.toString()));
        out.add("dropped", sites);
        out.addProperty("parameterRatio", parameterRatio);
        out.addProperty("allParameterRatio", allParameterRatio);
        out.add("provenance", JsonParser.parseString(provenance.toJson()));
        return out.toString();
    }

    /** Saves the plan. */
    public void save(Path file) {
        WholeFile.write(file, json() + "\n");
    }

    /**
     * Reads a saved plan.
     *
     * @throws IllegalArgumentException if there is no such file, or it is no plan
     */
    public static DropPlan open(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("no drop plan at " + file + ", "
                    + (Files.isDirectory(file) ? "it is a folder" : "there is no such file")
                    + ": give a file written by DropPlan.save, or drop-plan.json of an exported folder");
        }
        return of(JsonFields.of(
                file,
                fault -> new IllegalArgumentException(
                        file + " is no drop plan: " + fault + " DropPlan.save writes one.")));
    }

    /** The plan that {@link #json} wrote. */
    static DropPlan of(JsonFields in) {
        int layers = in.integer("layers", 1, MOST_LAYERS);
        Map<String, ModuleSite> modules = IntStream.range(0, 2 * layers)
                .mapToObj(ModuleSite::of)
                .collect(Collectors.toMap(ModuleSite::toString, site -> site));
        List<ModuleSite> sites = new ArrayList<>();
        for (String name : in.texts("dropped")) {
            // taken out of the map, so that one that comes twice is told
            ModuleSite site = modules.remove(name);
            if (site == null) {
                throw in.fault(
                        "dropped",
                        "modules of " + layers + " layers, each once, as in \"attention 0\"; \"" + name + "\" is not");
            }
            sites.add(site);
        }
        Numbers share = Numbers.between(0, 1);
        DropPlan plan = new DropPlan(
                in.text("method"),
                layers,
                sites,
                in.number("parameterRatio", share),
                in.number("allParameterRatio", share),
                ProvenanceJson.read(in.object("provenance")));
        in.refuseOthers();
        return plan;
    }

    @Override
    public String text() {
        return String.format(
                Locale.ROOT,
                "%s drops %d of %d modules (sparsity %.1f %%): %.1f %% of block parameters, %.1f %% of all%n  %s",
                method,
                dropped.size(),
                2 * layers,
                100 * sparsity(),
                100 * parameterRatio,
                100 * allParameterRatio,
                dropped);
    }

    @Override
    public String toString() {
        return text();
    }
}
