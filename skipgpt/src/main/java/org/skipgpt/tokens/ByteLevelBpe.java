package org.skipgpt.tokens;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.skipgpt.data.DataException;
import org.skipgpt.io.BoundedFile;
import org.skipgpt.io.JsonFields;

/**
 * Byte-level byte-pair tokenizers: Llama 3's {@code tokenizer.model} (tiktoken form) and GPT-2's vocab.json with
 * merges.txt.
 *
 * <p>The text is cut by a regular expression into words, each word's UTF-8 bytes are joined pair by pair. The spelling
 * of a special token inside a text is ordinary text.
 *
 * <pre>{@code
 * var tokens = ByteLevelBpe.llama3(Path.of("tokenizer.model"));
 * tokens.encode("Hello world");   // 9906, 1917
 * }</pre>
 */
public final class ByteLevelBpe implements Tokenizer {
    private static final int CACHE_ENTRIES = 1 << 16;
    private static final int LLAMA3_RANKS = 128_000;
    private static final int LLAMA3_SPECIAL = 256;
    private static final Pattern LLAMA3_WORDS = words("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
            + "|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
    private static final Pattern GPT2_WORDS =
            words("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

    private final Pattern words;
    private final Map<String, Integer> ids;
    private final Map<String, Integer> merges; // empty where a piece's id is its rank
    private final String[] pieces;
    private final Map<String, Integer> special;
    private final int bos;
    private final int eos;
    private final boolean addsBos;
    private final Map<String, int[]> cache = new ConcurrentHashMap<>();

    private ByteLevelBpe(
            Pattern words,
            Map<String, Integer> ids,
            Map<String, Integer> merges,
            Map<String, Integer> special,
            String bos,
            String eos,
            boolean addsBos) {
        this.words = words;
        this.ids = ids;
        this.merges = merges;
        this.special = special;
        this.bos = special.getOrDefault(bos, -1);
        this.eos = special.getOrDefault(eos, -1);
        this.addsBos = addsBos;
        pieces = new String[ids.size() + special.size()];
        ids.forEach((piece, id) -> place(piece, id));
        special.forEach((piece, id) -> place(piece, id));
    }

    private void place(String piece, int id) {
        if (id < 0 || id >= pieces.length || pieces[id] != null) {
            throw new DataException("vocabulary entry \"" + piece + "\" has id " + id + "; expected each of 0.."
                    + (pieces.length - 1) + " once; the file is damaged");
        }
        pieces[id] = piece;
    }

    // \s, \p{L} and \p{N} as Unicode has them, and long s counting as s, as the original's engine does
    private static Pattern words(String regex) {
        return Pattern.compile(regex, Pattern.UNICODE_CHARACTER_CLASS);
    }

    /**
     * Llama 3's vocabulary: 128,000 lines of a base64 piece and its rank, followed by 256 special tokens that the file
     * does not list.
     *
     * @throws DataException if a line is malformed or the count differs; the message names the line
     */
    public static ByteLevelBpe llama3(Path file) {
        Map<String, Integer> ids = new HashMap<>();
        int number = 0;
        for (String line : lines(file)) {
            number++;
            int space = line.indexOf(' ');
            try {
                byte[] piece = Base64.getDecoder().decode(line.substring(0, Math.max(space, 0)));
                ids.put(ByteLetters.spell(piece), Integer.parseInt(line.substring(space + 1)));
            } catch (IllegalArgumentException e) {
                throw new DataException(
                        file + " line " + number + ": expected a base64 piece, a space and its rank; found \""
                                + line.substring(0, Math.min(60, line.length())) + "\"",
                        e);
            }
        }
        if (ids.size() != LLAMA3_RANKS) {
            throw new DataException(file + " has " + ids.size() + " ranks; Llama 3 has " + LLAMA3_RANKS
                    + "; for another vocabulary use the model's tokenizer.json");
        }
        Map<String, Integer> special = llama3Special();
        return new ByteLevelBpe(LLAMA3_WORDS, ids, Map.of(), special, "<|begin_of_text|>", "<|end_of_text|>", true);
    }

    // Order and names as Llama 3.1 fixed them; places it leaves unnamed are reserved tokens, counted in order.
    private static Map<String, Integer> llama3Special() {
        Map<Integer, String> named = Map.of(
                0, "<|begin_of_text|>",
                1, "<|end_of_text|>",
                4, "<|finetune_right_pad_id|>",
                6, "<|start_header_id|>",
                7, "<|end_header_id|>",
                8, "<|eom_id|>",
                9, "<|eot_id|>",
                10, "<|python_tag|>");
        Map<String, Integer> special = new HashMap<>();
        int reserved = 0;
        for (int i = 0; i < LLAMA3_SPECIAL; i++) {
            String name = named.get(i);
            special.put(name == null ? "<|reserved_special_token_" + reserved++ + "|>" : name, LLAMA3_RANKS + i);
        }
        return special;
    }

    /**
     * GPT-2's vocabulary; {@code <|endoftext|>} is beginning and end mark, and no mark is added by itself.
     *
     * @param vocabulary vocab.json, piece to id
     * @param merges merges.txt, one pair a line in the order of joining
     * @throws DataException if a file is malformed
     */
    public static ByteLevelBpe gpt2(Path vocabulary, Path merges) {
        JsonFields fields = JsonFields.of(vocabulary, DataException::new);
        List<String> names = fields.names();
        Map<String, Integer> ids = new HashMap<>();
        names.forEach(piece -> ids.put(piece, fields.integer(piece, 0, names.size() - 1)));
        Map<String, Integer> special = new HashMap<>();
        Integer end = ids.remove("<|endoftext|>");
        if (end != null) {
            special.put("<|endoftext|>", end);
        }
        Map<String, Integer> ranks = new HashMap<>();
        for (String line : lines(merges)) {
            if (!line.startsWith("#version") && !line.isBlank()) {
                ranks.putIfAbsent(line.stripTrailing(), ranks.size());
            }
        }
        return new ByteLevelBpe(GPT2_WORDS, ids, ranks, special, "<|endoftext|>", "<|endoftext|>", false);
    }

    private static List<String> lines(Path file) {
        return BoundedFile.text(file, BoundedFile.MOST_BYTES, DataException::new)
                .lines()
                .toList();
    }

    @Override
    public int[] encode(String text) {
        IntStream.Builder out = IntStream.builder();
        Matcher matcher = words.matcher(text);
        while (matcher.find()) {
            for (int id : word(matcher.group())) {
                out.add(id);
            }
        }
        return out.build().toArray();
    }

    private int[] word(String word) {
        int[] known = cache.get(word);
        if (known == null) {
            known = join(ByteLetters.spell(word.getBytes(StandardCharsets.UTF_8)));
            if (cache.size() < CACHE_ENTRIES && word.length() <= 32) {
                cache.put(word, known);
            }
        }
        return known;
    }

    private int[] join(String letters) {
        Integer whole = merges.isEmpty() ? ids.get(letters) : null;
        if (whole != null) {
            return new int[] {whole};
        }
        int[] bounds = IntStream.rangeClosed(0, letters.length()).toArray();
        int[] left = PairMerge.merge(letters, bounds, this::rank);
        List<Integer> out = new ArrayList<>();
        for (int i = 0; i + 1 < left.length; i++) {
            String piece = letters.substring(left[i], left[i + 1]);
            Integer id = ids.get(piece);
            if (id == null) {
                throw new DataException("piece \"" + piece + "\" is not in the vocabulary; a byte-level vocabulary has"
                        + " all 256 bytes and every merge; vocabulary and merges do not belong together");
            }
            out.add(id);
        }
        return out.stream().mapToInt(Integer::intValue).toArray();
    }

    private int rank(String letters, int from, int middle, int to) {
        Integer rank = merges.isEmpty()
                ? ids.get(letters.substring(from, to))
                : merges.get(letters.substring(from, middle) + " " + letters.substring(middle, to));
        return rank == null ? PairMerge.NEVER : rank;
    }

    @Override
    public String decode(int[] ids) {
        ByteSink out = new ByteSink();
        for (int id : ids) {
            String piece = piece(id);
            if (!special.containsKey(piece)) {
                for (byte b : ByteLetters.bytes(piece)) {
                    out.add(b);
                }
            }
        }
        return out.text();
    }

    @Override
    public String piece(int id) {
        return Ids.isKnown(id, pieces.length) ? pieces[id] : "";
    }

    @Override
    public String readable(int id) {
        String piece = piece(id);
        return special.containsKey(piece) ? piece : PieceText.of(ByteLetters.bytes(piece));
    }

    @Override
    public int vocabSize() {
        return pieces.length;
    }

    @Override
    public OptionalInt bos() {
        return bos < 0 ? OptionalInt.empty() : OptionalInt.of(bos);
    }

    @Override
    public OptionalInt eos() {
        return eos < 0 ? OptionalInt.empty() : OptionalInt.of(eos);
    }

    @Override
    public boolean addsBos() {
        return addsBos && bos >= 0;
    }

    @Override
    public String toString() {
        return "ByteLevelBpe " + vocabSize() + " pieces, bos " + bos + ", eos " + eos;
    }
}
