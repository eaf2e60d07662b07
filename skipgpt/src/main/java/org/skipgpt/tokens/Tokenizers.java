package org.skipgpt.tokens;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.skipgpt.data.DataException;

/** Opens the right tokenizer for a file or for a model's folder. */
public final class Tokenizers {
    private static final String KNOWN =
            "tokenizer.json, tokenizer.model (SentencePiece or Llama 3), vocab.json with merges.txt, or a llama2.c"
                    + " tokenizer .bin";

    private Tokenizers() {}

    /**
     * Opens a tokenizer.
     *
     * <p>In a folder the first of these that is there counts: tokenizer.json, tokenizer.model, vocab.json with
     * merges.txt, tokenizer.bin, one single {@code tok*.bin} or {@code tok*.model}.
     *
     * @param where a model's folder, or one of the files
     * @throws DataException if nothing known is there; the message lists what is looked for
     */
    public static Tokenizer open(Path where) {
        if (Files.isDirectory(where)) {
            return openFolder(where);
        }
        if (!Files.isRegularFile(where)) {
            throw new DataException(
                    "no tokenizer at " + where + ": there is no such file; give a file or folder with " + KNOWN);
        }
        String name = String.valueOf(where.getFileName());
        if (name.equals("vocab.json") || name.equals("merges.txt")) {
            return openPair(where.resolveSibling("vocab.json"), where.resolveSibling("merges.txt"));
        }
        if (name.endsWith(".json")) {
            return HuggingFaceTokens.open(where);
        }
        if (name.endsWith(".bin") || (name.endsWith(".model") && !isTiktoken(where))) {
            Path folder = where.toAbsolutePath().getParent();
            return folder == null ? SentencePiece.open(where) : SentencePiece.beside(where, folder);
        }
        if (name.endsWith(".model")) {
            return ByteLevelBpe.llama3(where);
        }
        throw new DataException(where + " is no tokenizer this library knows; expected " + KNOWN);
    }

    private static Tokenizer openFolder(Path folder) {
        for (String name : List.of("tokenizer.json", "tokenizer.model")) {
            if (Files.isRegularFile(folder.resolve(name))) {
                return open(folder.resolve(name));
            }
        }
        if (Files.isRegularFile(folder.resolve("vocab.json"))) {
            return open(folder.resolve("vocab.json"));
        }
        return single(folder)
                .map(Tokenizers::open)
                .orElseThrow(() -> new DataException("no tokenizer in " + folder + ": looked for " + KNOWN));
    }

    /** The one tokenizer of a llama2.c folder, which names its own freely. */
    static Optional<Path> single(Path folder) {
        if (Files.isRegularFile(folder.resolve("tokenizer.bin"))) {
            return Optional.of(folder.resolve("tokenizer.bin"));
        }
        for (String ending : List.of(".bin", ".model")) {
            List<Path> found = named(folder, ending);
            if (found.size() == 1) {
                return Optional.of(found.get(0));
            }
            if (found.size() > 1) {
                throw new DataException(folder + " holds several tokenizers: " + found + "; name the file");
            }
        }
        return Optional.empty();
    }

    private static List<Path> named(Path folder, String ending) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> {
                        String name = String.valueOf(file.getFileName());
                        return name.startsWith("tok") && name.endsWith(ending);
                    })
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new DataException(folder + " cannot be listed: " + e, e);
        }
    }

    private static Tokenizer openPair(Path vocabulary, Path merges) {
        for (Path file : List.of(vocabulary, merges)) {
            if (!Files.isRegularFile(file)) {
                throw new DataException(file + " is missing: vocab.json and merges.txt are needed together");
            }
        }
        Path folder = vocabulary.toAbsolutePath().getParent();
        String type = folder == null ? "" : TokenizerSettings.beside(folder).className();
        if (type.isEmpty() || folder == null) {
            return ByteLevelBpe.gpt2(vocabulary, merges);
        }
        try {
            return HuggingFaceTokens.open(VocabularyAndMerges.read(vocabulary, merges, type), folder);
        } catch (DataException e) {
            throw new DataException(
                    vocabulary.getFileName() + " and " + merges.getFileName() + " make no tokenizer: " + e.getMessage(),
                    e);
        }
    }

    // The tiktoken form is text and begins with the piece "!" of rank 0; a protocol buffer begins with byte 0x0A.
    static boolean isTiktoken(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            String head = new String(in.readNBytes(16), StandardCharsets.ISO_8859_1);
            return head.matches("(?s)[A-Za-z0-9+/]+=* [0-9]+\\R.*");
        } catch (IOException e) {
            throw new DataException(file + " cannot be read: " + e, e);
        }
    }
}
