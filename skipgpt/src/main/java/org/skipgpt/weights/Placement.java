package org.skipgpt.weights;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.skipgpt.io.CheckpointException;
import org.skipgpt.io.TensorSource;
import org.skipgpt.report.MemoryLeft;
import org.skipgpt.report.Report;
import org.skipgpt.shape.DecoderConfig;
import org.skipgpt.shape.LayerShape;
import org.skipgpt.shape.ModuleKind;
import org.skipgpt.shape.ModuleSite;
import org.skipgpt.torch.Dtype;
import org.skipgpt.torch.Places;

/**
 * Which layer lives where, known before a weight is read: on one of several devices, or {@link #STREAMED}, in the file, from which a
 * module is brought when it is called.
 *
 * <p>Weights of a device count as parameters times bytes of an element; the first device also holds embedding, last norm and head
 * and, where layers are streamed, the three largest of their modules: the one that is computed, the next one, and a copy while
 * matrices are put into the kernels' order. All places of the CPU share its memory.
 *
 * <pre>{@code
 * Placement.of("auto", config, Dtype.BF16, Map.of("cpu", MemoryLeft.now().available()), source)
 * Placement.of("gpu0=0-19, gpu1=20-29, streamed", config, Dtype.BF16, room, source)
 * }</pre>
 *
 * @param config the shape
 * @param dtype element type of matrices in memory
 * @param available bytes that each device has left, {@link Long#MAX_VALUE} where that is not known; the first one holds embedding
 *     and head and computes streamed layers; places of one CPU have the same bytes left
 * @param places the name of each layer's place, L
 * @param inFile bytes of each module in its file, 2L
 */
public record Placement(
        DecoderConfig config, Dtype dtype, Map<String, Long> available, List<String> places, List<Long> inFile)
        implements Report {
    /** The place of a layer that stays in the file. */
    public static final String STREAMED = "streamed";

    private static final String AUTO = "auto";
    private static final String REST = "";
    private static final String CPU = "cpu";
    /** Share of what is left that "auto" gives to weights and cache; passes need the rest. */
    private static final double SHARE = 0.8;
    /** Tokens for whose keys and values "auto" leaves room. */
    private static final int CACHED_TOKENS = 4096;

    private static final int MODULES_IN_FLIGHT = 3;
    private static final Pattern RANGE = Pattern.compile("(\\d{1,6})(?:-(\\d{1,6}))?");
    private static final String SYNTAX = "give \"auto\", \"streamed\", or places with their layers, such as"
            + " \"cpu=0-9 20, streamed=10-19 21-39\" or \"gpu0=0-19, gpu1\"; a place without layers takes those that are"
            + " left";

    /** Keeps the order of devices. */
    public Placement {
        available = Collections.unmodifiableMap(new LinkedHashMap<>(available));
        places = List.copyOf(places);
        inFile = List.copyOf(inFile);
    }

    /**
     * Reads a map, or makes one.
     *
     * @param map {@code auto} for as many layers in memory as fit, device after device; otherwise see the example
     * @param available what may be used; of a map only the first one and those it names are
     * @param source its headers tell what a pass reads
     * @throws IllegalArgumentException if the map is not understood, names a place that is not there, or a layer twice or not
     *     at all
     * @throws CheckpointException if not even embedding, head and the modules in flight fit; it tells the numbers
     */
    public static Placement of(
            String map, DecoderConfig config, Dtype dtype, Map<String, Long> available, TensorSource source) {
        List<Long> inFile = WeightLoader.storedBytes(config, source);
        if (isAuto(map)) {
            return new Placement(config, dtype, available, automatic(config, dtype, available), inFile);
        }
        List<String> places = read(map, config.layers(), available);
        refuseBlocks(dtype, places);
        return new Placement(config, dtype, used(available, places), places, inFile);
    }

    private static void refuseBlocks(Dtype dtype, List<String> places) {
        places.stream().filter(place -> place.startsWith("gpu")).findFirst().ifPresent(gpu -> {
            if (dtype.isBlocks()) {
                throw new IllegalArgumentException("layers as " + dtype + " on " + gpu
                        + " are not allowed: kernels for blocks are the CPU's; place them on cpu, or open the"
                        + " workspace as bf16");
            }
        });
    }

    // The first device is always needed; the others in the order in which layers come to them.
    private static Map<String, Long> used(Map<String, Long> available, List<String> places) {
        Map<String, Long> used = new LinkedHashMap<>();
        String first = available.keySet().iterator().next();
        used.put(first, available.getOrDefault(first, 0L));
        for (String place : places) {
            if (!place.equals(STREAMED)) {
                used.computeIfAbsent(place, named -> available.getOrDefault(memory(named), 0L));
            }
        }
        return used;
    }

    /** Whose memory a place takes: places of the CPU share it. */
    private static String memory(String place) {
        return place.startsWith(CPU) ? CPU : place;
    }

    /** Whether a map leaves it to {@link #of} where layers lie. */
    public static boolean isAuto(String map) {
        return map.strip().equals(AUTO);
    }

    /** All layers on one device. */
    static Placement whole(DecoderConfig config, Dtype dtype, String device, long available) {
        return new Placement(
                config, dtype, Map.of(device, available), Collections.nCopies(config.layers(), device), List.of());
    }

    private static List<String> read(String map, int layers, Map<String, Long> available) {
        Map<Integer, String> named = new TreeMap<>();
        String rest = REST;
        for (String part : map.split(",", -1)) {
            String[] both = part.strip().split("=", 2);
            String place = place(map, both[0].strip(), available);
            if (both.length == 1) {
                if (!rest.equals(REST)) {
                    throw wrong(map, "both " + rest + " and " + place + " take the layers that are left");
                }
                rest = place;
                continue;
            }
            for (String range : both[1].strip().split("\\s+")) {
                Matcher found = RANGE.matcher(range);
                if (!found.matches()) {
                    throw wrong(map, "\"" + range + "\" is no layer and no range of layers");
                }
                int first = Integer.parseInt(found.group(1));
                int last = Optional.ofNullable(found.group(2))
                        .map(Integer::parseInt)
                        .orElse(first);
                if (last < first || last >= layers) {
                    throw wrong(map, "\"" + range + "\" is not within layers 0.." + (layers - 1));
                }
                for (int layer = first; layer <= last; layer++) {
                    String before = named.put(layer, place);
                    if (before != null) {
                        throw wrong(map, "layer " + layer + " is on " + before + " and on " + place);
                    }
                }
            }
        }
        String left = rest;
        List<String> places = new ArrayList<>();
        for (int layer = 0; layer < layers; layer++) {
            String place = named.getOrDefault(layer, left);
            if (place.equals(REST)) {
                throw wrong(map, "layer " + layer + " has no place");
            }
            places.add(place);
        }
        return places;
    }

    private static String place(String map, String given, Map<String, Long> available) {
        if (given.equals(STREAMED)) {
            return given;
        }
        Optional<String> known = Places.nameOf(given).filter(place -> available.containsKey(memory(place)));
        return known.orElseThrow(
                () -> wrong(map, "\"" + given + "\" is none of " + available.keySet() + " and streamed"));
    }

    private static IllegalArgumentException wrong(String map, String why) {
        return new IllegalArgumentException("the placement \"" + map + "\" is not understood: " + why + "; " + SYNTAX);
    }

    private static List<String> automatic(DecoderConfig config, Dtype dtype, Map<String, Long> available) {
        available.forEach((device, left) -> {
            if (left == Long.MAX_VALUE) {
                throw new IllegalArgumentException("how much memory " + device
                        + " has left is not known here, so layers cannot be placed by it; " + SYNTAX);
            }
        });
        Placement streamed =
                new Placement(config, dtype, available, Collections.nCopies(config.layers(), STREAMED), List.of());
        if (available.size() == 1) {
            return streamed.aroundStreamed();
        }
        List<String> all = streamed.filled(0);
        List<String> places = all.contains(STREAMED) ? streamed.filled(streamed.inFlight()) : all;
        refuseBlocks(dtype, places);
        return places;
    }

    // One device after another takes as many layers as fit, so that the stream passes few boundaries.
    private List<String> filled(double inFlight) {
        List<String> filled = new ArrayList<>();
        available.forEach((device, left) -> {
            double room = SHARE * left - (device.equals(first()) ? ends() + inFlight : 0);
            while (filled.size() < config.layers() && room >= layerAndCache(filled.size())) {
                room -= layerAndCache(filled.size());
                filled.add(device);
            }
        });
        while (filled.size() < config.layers()) {
            filled.add(STREAMED);
        }
        return filled;
    }

    private double layerAndCache(int layer) {
        return layer(layer) + CACHED_TOKENS * cacheBytes(layer);
    }

    // Layers in memory lie evenly among those that are read, so that there is something to compute while the next one
    // is.
    private List<String> aroundStreamed() {
        Placement streamed = this;
        String device = first();
        long left = available.getOrDefault(device, 0L);
        double layer = streamed.largestLayer();
        double room = SHARE * left - streamed.ends() - (double) CACHED_TOKENS * streamed.cacheBytesPerToken();
        if (room >= config.layers() * layer) {
            return Collections.nCopies(config.layers(), device);
        }
        int held = (int) Math.max(0, Math.min(config.layers(), (room - streamed.inFlight()) / layer));
        List<String> places = new ArrayList<>();
        for (int i = 0; i < config.layers(); i++) {
            boolean here = (long) (i + 1) * held / config.layers() > (long) i * held / config.layers();
            places.add(here ? device : STREAMED);
        }
        return places;
    }

    private String first() {
        return available.keySet().iterator().next();
    }

    /** Whether a layer stays in the file. */
    public boolean isStreamed(int layer) {
        return places.get(layer).equals(STREAMED);
    }

    /** The device on which each layer is computed, L; the first one for those that are streamed. */
    public List<String> devices() {
        return places.stream()
                .map(place -> place.equals(STREAMED) ? first() : place)
                .toList();
    }

    /** How often a pass moves the stream from one device to another, the way back to the head counted. */
    public int moves() {
        int moves = 0;
        String at = first();
        for (String device : devices()) {
            moves += device.equals(at) ? 0 : 1;
            at = device;
        }
        return moves + (at.equals(first()) ? 0 : 1);
    }

    /** How many layers stay in the file. */
    public int streamed() {
        return Collections.frequency(places, STREAMED);
    }

    /** Bytes that a pass reads from the file where every module runs. */
    public long bytesOfAPass() {
        return IntStream.range(0, inFile.size())
                .filter(i -> isStreamed(i / 2))
                .mapToLong(inFile::get)
                .sum();
    }

    /** Bytes of one token's keys and values in all layers, as the CPU holds them. */
    public long cacheBytesPerToken() {
        return (long) IntStream.range(0, config.layers())
                .mapToDouble(this::cacheBytes)
                .sum();
    }

    private double cacheBytes(int layer) {
        return 2.0 * config.layer(layer).kvHeads() * config.headDim() * Float.BYTES;
    }

    /** Bytes that weights take on a device, embedding, head and modules in flight with them. */
    public long needed(String device) {
        double sum = device.equals(first()) ? ends() + inFlight() : 0;
        for (int layer = 0; layer < places.size(); layer++) {
            sum += places.get(layer).equals(device) ? layer(layer) : 0;
        }
        return (long) sum;
    }

    /**
     * Compares what weights take with what devices have left.
     *
     * @throws CheckpointException if one has less; it tells the numbers and what can be done
     */
    public void check() {
        Map<String, Long> sums = new LinkedHashMap<>();
        available.keySet().forEach(place -> sums.merge(memory(place), needed(place), Long::sum));
        available.forEach((place, left) -> {
            long needed = sums.getOrDefault(memory(place), 0L);
            if (needed > left) {
                throw new CheckpointException(String.format(
                        Locale.ROOT,
                        "The layers that %s is to hold need %s%s, and %s are available. Place fewer layers there, more on"
                                + " other devices or as streamed, or give \"auto\".%n%s",
                        memory(place),
                        MemoryLeft.gib(needed),
                        memory(place).equals(memory(first())) ? " with embedding, head and modules in flight" : "",
                        MemoryLeft.gib(left),
                        text()));
            }
        });
    }

    /** Bytes of all weights. */
    double weights() {
        return IntStream.range(0, config.layers()).mapToDouble(this::layer).sum() + ends();
    }

    private double largestLayer() {
        return IntStream.range(0, config.layers())
                .mapToDouble(this::layer)
                .max()
                .orElse(0);
    }

    private double ends() {
        return (config.tiedHead() ? 1.0 : 2.0) * config.width() * config.vocabulary() * dtype.bytes();
    }

    private double inFlight() {
        return MODULES_IN_FLIGHT
                * IntStream.range(0, places.size())
                        .filter(this::isStreamed)
                        .mapToDouble(
                                layer -> Math.max(module(layer, ModuleKind.ATTENTION), module(layer, ModuleKind.MLP)))
                        .max()
                        .orElse(0);
    }

    private double layer(int layer) {
        return module(layer, ModuleKind.ATTENTION) + module(layer, ModuleKind.MLP);
    }

    // In doubles: sizes of a damaged config.json have products beyond 64 bits.
    private double module(int layer, ModuleKind module) {
        LayerShape shape = config.layer(layer);
        double numbers = module == ModuleKind.ATTENTION
                ? (2.0 * shape.heads() + 2.0 * shape.kvHeads()) * config.headDim()
                : 3.0 * shape.hidden();
        return numbers * shape.width() * dtype.bytes();
    }

    @Override
    public String text() {
        StringBuilder out = new StringBuilder(String.format(
                Locale.ROOT,
                "%s · %d layers · %s · %s of weights, %.0f KiB of keys and values a token%n",
                config.family(),
                config.layers(),
                dtype,
                MemoryLeft.gib((long) weights()),
                cacheBytesPerToken() / 1024.0));
        out.append(String.format("%-10s %-44s %10s %12s%n", "place", "what", "weights", "left"));
        available.forEach((device, left) -> {
            row(out, device, layersOf(device), layerBytes(device));
            if (device.equals(first())) {
                row(out, "", config.tiedHead() ? "embedding, which is the head" : "embedding and head", ends());
                if (streamed() > 0) {
                    row(out, "", "modules in flight", inFlight());
                }
            }
            out.append(String.format(
                    "%-10s %-44s %10s %12s%n",
                    "",
                    "together",
                    MemoryLeft.gib(needed(device)),
                    left == Long.MAX_VALUE ? "not known" : MemoryLeft.gib(left)));
        });
        if (moves() > 0) {
            out.append(String.format(
                    Locale.ROOT,
                    "a pass moves the stream %d times from device to device, %.1f KiB of each token%n",
                    moves(),
                    config.width() * Float.BYTES / 1024.0));
        }
        if (streamed() == 0) {
            return out.append("all layers are in memory").toString();
        }
        row(out, STREAMED, layersOf(STREAMED), layerBytes(STREAMED));
        return out.append(String.format(
                        Locale.ROOT,
                        "a pass in which every module runs reads %s from the file%n"
                                + "of a layer %.0f MiB for attention and %.0f MiB for the MLP, where some row runs them",
                        MemoryLeft.gib(bytesOfAPass()),
                        largestInFile(ModuleKind.ATTENTION),
                        largestInFile(ModuleKind.MLP)))
                .toString();
    }

    private double largestInFile(ModuleKind module) {
        return IntStream.range(0, inFile.size())
                        .filter(i -> ModuleSite.of(i).module() == module && isStreamed(i / 2))
                        .mapToLong(inFile::get)
                        .max()
                        .orElse(0)
                / (double) (1 << 20);
    }

    private static void row(StringBuilder out, String place, String what, double bytes) {
        out.append(String.format("%-10s %-44s %10s%n", place, what, MemoryLeft.gib((long) bytes)));
    }

    private double layerBytes(String place) {
        return IntStream.range(0, places.size())
                .filter(layer -> places.get(layer).equals(place))
                .mapToDouble(this::layer)
                .sum();
    }

    private String layersOf(String place) {
        int[] own = IntStream.range(0, places.size())
                .filter(layer -> places.get(layer).equals(place))
                .toArray();
        if (own.length == 0) {
            return "no layer";
        }
        String which = runs(own);
        return own.length + " layers: " + (which.length() > 32 ? which.substring(0, 30) + " …" : which);
    }

    // Neighbours are told together.
    private static String runs(int[] layers) {
        List<String> parts = new ArrayList<>();
        for (int from = 0; from < layers.length; ) {
            int to = from;
            while (to + 1 < layers.length && layers[to + 1] == layers[to] + 1) {
                to++;
            }
            parts.add(layers[from] + (to > from ? "-" + layers[to] : ""));
            from = to + 1;
        }
        return String.join(" ", parts);
    }

    @Override
    public String toString() {
        return text();
    }
}
