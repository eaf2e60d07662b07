package org.skipgpt.tokens;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.skipgpt.data.DataException;
import org.skipgpt.io.JsonFields;

/**
 * What the files beside a tokenizer say about its marks: tokenizer_config.json and special_tokens_map.json (token texts),
 * config.json and generation_config.json (ids; several may end a text).
 */
record TokenMarks(
        Optional<String> bosText,
        Optional<String> eosText,
        List<Integer> bosIds,
        List<Integer> eosIds,
        Optional<Boolean> addsBos,
        Optional<Boolean> addsEos) {
    private static final int MOST_IDS = 1 << 24;

    static TokenMarks beside(Path folder) {
        TokenizerSettings settings = TokenizerSettings.beside(folder);
        Set<Integer> ends = new LinkedHashSet<>(ids(folder.resolve("config.json"), "eos_token_id"));
        ends.addAll(ids(folder.resolve("generation_config.json"), "eos_token_id"));
        return new TokenMarks(
                settings.mark("bos_token"),
                settings.mark("eos_token"),
                settings.isNone("bos_token") ? List.of() : ids(folder.resolve("config.json"), "bos_token_id"),
                List.copyOf(ends),
                settings.addsBos(),
                settings.addsEos());
    }

    /** No files say anything; texts begin with the mark or not. */
    static TokenMarks none(boolean addsBos) {
        return new TokenMarks(
                Optional.empty(), Optional.empty(), List.of(), List.of(), Optional.of(addsBos), Optional.empty());
    }

    OptionalInt bosId() {
        return first(bosIds);
    }

    // Instruction-tuned models list several end ids; the first is the one that ends a text.
    OptionalInt eosId() {
        return first(eosIds);
    }

    private static OptionalInt first(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).findFirst();
    }

    private static List<Integer> ids(Path file, String name) {
        return Files.isRegularFile(file)
                ? JsonFields.of(file, DataException::new).oneOrMore(name, -1, MOST_IDS).stream()
                        .filter(id -> id >= 0)
                        .toList()
                : List.of();
    }
}
