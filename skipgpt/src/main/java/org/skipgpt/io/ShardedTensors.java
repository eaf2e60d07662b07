package org.skipgpt.io;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongConsumer;

/** The tensors of several safetensors files under one index file; the index says which tensor lies in which file. */
final class ShardedTensors implements TensorSource {
    private final Path index;
    private final Map<String, SafeTensors> shards;
    private final Map<String, SafeTensors> places;

    private ShardedTensors(Path index, Map<String, SafeTensors> shards, Map<String, SafeTensors> places) {
        this.index = index;
        this.shards = shards;
        this.places = places;
    }

    static ShardedTensors open(Path index) {
        Map<String, String> shardOf = weightMap(index);
        Map<String, SafeTensors> shards = new LinkedHashMap<>();
        Map<String, SafeTensors> places = new LinkedHashMap<>();
        shardOf.forEach((tensor, shard) -> {
            SafeTensors file = shards.computeIfAbsent(shard, name -> SafeTensors.open(shardPath(index, name)));
            if (!file.names().contains(tensor)) {
                throw new CheckpointException("Index " + index + " says that tensor '" + tensor + "' lies in " + shard
                        + ", but it does not. Index and shards do not belong together: fetch the folder again.");
            }
            places.put(tensor, file);
        });
        return new ShardedTensors(index, shards, places);
    }

    @Override
    public String toString() {
        return index + " (" + places.size() + " tensors)";
    }

    List<Path> files() {
        List<Path> files = new ArrayList<>();
        shards.values().forEach(shard -> files.add(shard.path()));
        return files;
    }

    /** Tensor name to shard name, as the index gives it. */
    static Map<String, String> weightMap(Path index) {
        JsonObject json = Json.object(index);
        if (!(json.get("weight_map") instanceof JsonObject map) || map.isEmpty()) {
            throw new CheckpointException(
                    "Index " + index + " has no object 'weight_map' with tensors; fetch or write it again.");
        }
        Map<String, String> shardOf = new LinkedHashMap<>();
        for (Map.Entry<String, JsonElement> entry : map.entrySet()) {
            JsonElement shard = entry.getValue();
            if (!shard.isJsonPrimitive() || !shard.getAsJsonPrimitive().isString()) {
                throw new CheckpointException("Index " + index + " gives no file name for tensor '" + entry.getKey()
                        + "'; fetch or write it again.");
            }
            shardOf.put(entry.getKey(), checkedName(index, shard.getAsString()));
        }
        return shardOf;
    }

    /** A shard lies beside its index: its name has no path in it. */
    private static String checkedName(Path index, String shard) {
        if (!shard.matches("[A-Za-z0-9_][A-Za-z0-9_.+-]*\\.safetensors")) {
            throw new CheckpointException("Index " + index + " names the shard '" + shard
                    + "'; a plain file name beside the index that ends in .safetensors is allowed."
                    + " Do not use this folder unless you trust where it comes from.");
        }
        return shard;
    }

    private static Path shardPath(Path index, String shard) {
        Path path = index.resolveSibling(shard);
        if (!Files.exists(path)) {
            throw new CheckpointException("Shard " + path + " is missing, though " + index.getFileName()
                    + " names it. Fetch the rest of the folder.");
        }
        return path;
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(places.keySet());
    }

    @Override
    public TensorInfo info(String name) {
        return place(name).info(name);
    }

    @Override
    public ByteBuffer bytes(String name, long from, int length) {
        return place(name).bytes(name, from, length);
    }

    @Override
    public TensorSource reading(LongConsumer counted) {
        IdentityHashMap<SafeTensors, SafeTensors> read = new IdentityHashMap<>();
        Map<String, SafeTensors> files = new LinkedHashMap<>();
        shards.forEach((name, shard) -> {
            SafeTensors own = (SafeTensors) shard.reading(counted);
            read.put(shard, own);
            files.put(name, own);
        });
        Map<String, SafeTensors> own = new LinkedHashMap<>();
        places.forEach((tensor, shard) -> own.put(tensor, Objects.requireNonNull(read.get(shard), "a shard")));
        return new ShardedTensors(index, files, own);
    }

    @Override
    public void checkUnchanged() {
        shards.values().forEach(SafeTensors::checkUnchanged);
    }

    @Override
    public void close() {
        shards.values().forEach(SafeTensors::close);
    }

    private SafeTensors place(String name) {
        SafeTensors shard = places.get(name);
        if (shard == null) {
            throw NearNames.missing(name, names(), index);
        }
        return shard;
    }
}
