package org.skipgpt.tokens;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.skipgpt.report.WholeFile;

/**
 * Trains a byte-level BPE tokenizer (Sennrich et al. 2016; Radford et al. 2019) and writes it as {@code tokenizer.json}.
 *
 * <p>Text is cut into words by GPT-2's pattern, words into UTF-8 bytes, and the most frequent neighbouring pair is merged until the
 * vocabulary is full. Every byte is a piece, so any text is encoded and comes back exactly. Ids 0, 1 and 2 are {@code <unk>},
 * {@code <s>} and {@code </s>}; a text gets {@code <s>} first. Among equally frequent pairs the one with the smaller ids wins.
 *
 * <pre>{@code
 * BpeTrainer.train(texts.iterator(), 3072).save(Path.of("tokenizer.json"));
 * }</pre>
 */
public final class BpeTrainer {
    private static final Pattern WORDS = Pattern.compile(
            "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
            Pattern.UNICODE_CHARACTER_CLASS);
    private static final List<String> SPECIAL = List.of("<unk>", "<s>", "</s>");
    private static final int BYTES = 256;

    private final List<String> pieces;
    private final List<String> merges;

    private BpeTrainer(List<String> pieces, List<String> merges) {
        this.pieces = List.copyOf(pieces);
        this.merges = List.copyOf(merges);
    }

    /**
     * Trains on texts.
     *
     * @param texts training texts, each read once
     * @param vocabSize number of ids, special tokens and bytes included; at least 259. Fewer come out if no pair occurs twice
     * @throws IllegalArgumentException if the size is too small
     */
    public static BpeTrainer train(Iterator<String> texts, int vocabSize) {
        if (vocabSize < SPECIAL.size() + BYTES) {
            throw new IllegalArgumentException("vocabulary of " + vocabSize + " is not allowed: expected at least "
                    + (SPECIAL.size() + BYTES) + ", one id for each byte and special token");
        }
        Map<String, Integer> counts = new TreeMap<>();
        while (texts.hasNext() && !Thread.currentThread().isInterrupted()) {
            Matcher matcher = WORDS.matcher(texts.next());
            while (matcher.find()) {
                counts.merge(matcher.group(), 1, Integer::sum);
            }
        }
        List<String> pieces = new ArrayList<>(SPECIAL);
        for (int b = 0; b < BYTES; b++) {
            pieces.add(Character.toString(letter(b)));
        }
        List<int[]> words = new ArrayList<>();
        List<Integer> weights = new ArrayList<>();
        counts.forEach((word, count) -> {
            words.add(ids(word));
            weights.add(count);
        });
        List<String> merges = new ArrayList<>();
        while (pieces.size() < vocabSize && !Thread.currentThread().isInterrupted()) {
            long pair = best(words, weights);
            if (pair < 0) {
                break;
            }
            int left = (int) (pair >>> 32);
            int right = (int) pair;
            merges.add(pieces.get(left) + " " + pieces.get(right));
            pieces.add(pieces.get(left) + pieces.get(right));
            int merged = pieces.size() - 1;
            words.replaceAll(word -> merge(word, left, right, merged));
        }
        return new BpeTrainer(pieces, merges);
    }

    /** Number of ids. */
    public int vocabSize() {
        return pieces.size();
    }

    /**
     * Writes the tokenizer in the form of Hugging Face tokenizers.
     *
     * @param file where to; written under another name first and moved
     * @throws java.io.UncheckedIOException if it cannot be written
     */
    public void save(Path file) {
        WholeFile.write(file, toJson());
    }

    /** The text of {@code tokenizer.json}. */
    public String toJson() {
        Map<String, Integer> vocabulary = new LinkedHashMap<>();
        for (String piece : pieces) {
            vocabulary.put(piece, vocabulary.size());
        }
        Map<String, Object> model = new LinkedHashMap<>();
        model.put("type", "BPE");
        model.put("dropout", null);
        model.put("unk_token", null);
        model.put("continuing_subword_prefix", null);
        model.put("end_of_word_suffix", null);
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        model.put("ignore_merges", false);
        model.put("vocab", vocabulary);
        model.put("merges", merges);
        Map<String, Object> root = new LinkedHashMap<>();
        root.put("version", "1.0");
        root.put("truncation", null);
        root.put("padding", null);
        root.put("added_tokens", specialTokens());
        root.put("normalizer", null);
        root.put("pre_tokenizer", byteLevel());
        root.put("post_processor", beginning());
        root.put("decoder", byteLevel());
        root.put("model", model);
        Gson gson = new GsonBuilder()
                .setPrettyPrinting()
                .serializeNulls()
                .disableHtmlEscaping()
                .create();
        return gson.toJson(root) + "\n";
    }

    private static List<Object> specialTokens() {
        List<Object> all = new ArrayList<>();
        for (int id = 0; id < SPECIAL.size(); id++) {
            Map<String, Object> token = new LinkedHashMap<>();
            token.put("id", id);
            token.put("content", SPECIAL.get(id));
            for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized")) {
                token.put(flag, false);
            }
            token.put("special", true);
            all.add(token);
        }
        return all;
    }

    private static Map<String, Object> byteLevel() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("type", "ByteLevel");
        all.put("add_prefix_space", false);
        all.put("trim_offsets", false);
        all.put("use_regex", true);
        return all;
    }

    /** The post-processor which puts the beginning mark before a text. */
    private static Map<String, Object> beginning() {
        Map<String, Object> mark = Map.of("SpecialToken", sorted("id", "<s>", "type_id", 0));
        Map<String, Object> a = Map.of("Sequence", sorted("id", "A", "type_id", 0));
        Map<String, Object> markB = Map.of("SpecialToken", sorted("id", "<s>", "type_id", 1));
        Map<String, Object> b = Map.of("Sequence", sorted("id", "B", "type_id", 1));
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("type", "TemplateProcessing");
        all.put("single", List.of(mark, a));
        all.put("pair", List.of(mark, a, markB, b));
        all.put("special_tokens", Map.of("<s>", sorted("id", "<s>", "ids", List.of(1), "tokens", List.of("<s>"))));
        return all;
    }

    private static Map<String, Object> sorted(Object... entries) {
        Map<String, Object> all = new LinkedHashMap<>();
        for (int i = 0; i < entries.length; i += 2) {
            all.put((String) entries[i], entries[i + 1]);
        }
        return all;
    }

    private static int[] ids(String word) {
        byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
        int[] ids = new int[bytes.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = SPECIAL.size() + (bytes[i] & 0xFF);
        }
        return ids;
    }

    /** The most frequent pair as (left << 32 | right), or -1 if none occurs twice. */
    private static long best(List<int[]> words, List<Integer> weights) {
        Map<Long, Long> counts = new HashMap<>();
        for (int w = 0; w < words.size(); w++) {
            int[] word = words.get(w);
            for (int i = 0; i + 1 < word.length; i++) {
                counts.merge(((long) word[i] << 32) | word[i + 1], (long) weights.get(w), Long::sum);
            }
        }
        return counts.entrySet().stream()
                .filter(entry -> entry.getValue() > 1)
                .min(Comparator.comparing((Map.Entry<Long, Long> entry) -> -entry.getValue())
                        .thenComparing(Map.Entry::getKey))
                .map(Map.Entry::getKey)
                .orElse(-1L);
    }

    private static int[] merge(int[] word, int left, int right, int merged) {
        int[] out = new int[word.length];
        int n = 0;
        for (int i = 0; i < word.length; i++) {
            if (i + 1 < word.length && word[i] == left && word[i + 1] == right) {
                out[n++] = merged;
                i++;
            } else {
                out[n++] = word[i];
            }
        }
        return n == word.length ? word : Arrays.copyOf(out, n);
    }

    /** GPT-2's printable letter for a byte: printable Latin-1 stays, the others move above 255 in order. */
    private static int letter(int value) {
        if (isPrintable(value)) {
            return value;
        }
        int rank = 0;
        for (int b = 0; b < value; b++) {
            rank += isPrintable(b) ? 0 : 1;
        }
        return BYTES + rank;
    }

    private static boolean isPrintable(int b) {
        return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
    }
}
