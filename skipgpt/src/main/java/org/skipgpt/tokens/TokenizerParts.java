package org.skipgpt.tokens;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.skipgpt.io.JsonFields;
import org.skipgpt.io.Numbers;

/**
 * The parts of a tokenizer.json other than its vocabulary, with the fields and values that the native library takes.
 *
 * <p>That library ends the process where a part is not as it expects, so nothing reaches it that is not known here.
 */
final class TokenizerParts {
    private static final int DEEPEST = 8;
    private static final int LONGEST_PATTERN = 4096;
    private static final Set<String> BEHAVIOURS =
            Set.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");
    private static final Set<String> SCHEMES = Set.of("first", "never", "always");
    private static final Pattern CLASS = Pattern.compile("\\\\([pP])\\{(\\^?)([A-Za-z_]+)}");
    private static final Pattern COUNT = Pattern.compile("\\{(\\d*),?(\\d*)}");
    private static final int MOST_REPEATS = 1000;

    private static final Map<String, Consumer<JsonFields>> NORMALIZERS = Map.ofEntries(
            Map.entry("NFC", TokenizerParts::nothing),
            Map.entry("NFD", TokenizerParts::nothing),
            Map.entry("NFKC", TokenizerParts::nothing),
            Map.entry("NFKD", TokenizerParts::nothing),
            Map.entry("Lowercase", TokenizerParts::nothing),
            Map.entry("StripAccents", TokenizerParts::nothing),
            Map.entry("Nmt", TokenizerParts::nothing),
            Map.entry("ByteLevel", TokenizerParts::nothing),
            Map.entry("Strip", part -> {
                part.flag("strip_left");
                part.flag("strip_right");
            }),
            Map.entry("BertNormalizer", part -> {
                part.flag("clean_text");
                part.flag("handle_chinese_chars");
                part.flag("strip_accents", false);
                part.flag("lowercase");
            }),
            Map.entry("Prepend", part -> text(part, "prepend")),
            Map.entry("Replace", TokenizerParts::replace));

    private static final Map<String, Consumer<JsonFields>> PRE_TOKENIZERS = Map.ofEntries(
            Map.entry("BertPreTokenizer", TokenizerParts::nothing),
            Map.entry("Whitespace", TokenizerParts::nothing),
            Map.entry("WhitespaceSplit", TokenizerParts::nothing),
            Map.entry("UnicodeScripts", TokenizerParts::nothing),
            Map.entry("ByteLevel", TokenizerParts::byteLevel),
            Map.entry("Metaspace", TokenizerParts::metaspace),
            Map.entry("CharDelimiterSplit", part -> character(part, "delimiter")),
            Map.entry("Digits", part -> part.flag("individual_digits")),
            Map.entry("Punctuation", part -> part.choice("behavior", "Isolated", BEHAVIOURS)),
            Map.entry("Split", part -> {
                pattern(part);
                part.choice("behavior", BEHAVIOURS);
                part.flag("invert");
            }));

    private static final Map<String, Consumer<JsonFields>> DECODERS = Map.ofEntries(
            Map.entry("ByteFallback", TokenizerParts::nothing),
            Map.entry("Fuse", TokenizerParts::nothing),
            Map.entry("ByteLevel", TokenizerParts::byteLevel),
            Map.entry("Metaspace", TokenizerParts::metaspace),
            Map.entry("Replace", TokenizerParts::replace),
            Map.entry("BPEDecoder", part -> part.text("suffix")),
            Map.entry("WordPiece", part -> {
                part.text("prefix");
                part.flag("cleanup");
            }),
            Map.entry("Strip", part -> {
                character(part, "content");
                part.integer("start", 0, 1 << 16);
                part.integer("stop", 0, 1 << 16);
            }));

    private final int ids;

    TokenizerParts(int ids) {
        this.ids = ids;
    }

    void check(JsonFields json) {
        json.objectIfThere("normalizer").ifPresent(part -> part(part, NORMALIZERS, "normalizers", 0));
        json.objectIfThere("pre_tokenizer").ifPresent(part -> part(part, PRE_TOKENIZERS, "pretokenizers", 0));
        json.objectIfThere("decoder").ifPresent(part -> part(part, DECODERS, "decoders", 0));
        Map<String, Consumer<JsonFields>> processors = Map.of(
                "ByteLevel", TokenizerParts::byteLevel,
                "BertProcessing", this::pairOfMarks,
                "RobertaProcessing",
                        part -> {
                            pairOfMarks(part);
                            part.flag("trim_offsets");
                            part.flag("add_prefix_space");
                        },
                "TemplateProcessing", this::template);
        json.objectIfThere("post_processor").ifPresent(part -> part(part, processors, "processors", 0));
    }

    private static void part(JsonFields part, Map<String, Consumer<JsonFields>> known, String list, int depth) {
        Set<String> types = new HashSet<>(known.keySet());
        types.add("Sequence");
        String type = part.choice("type", types);
        if (depth > DEEPEST) {
            throw part.fault("type", "at most " + DEEPEST + " parts in each other");
        }
        Consumer<JsonFields> fields = known.get(type);
        if (fields == null) {
            if (!part.has(list)) {
                throw part.fault(list, "a list of parts");
            }
            part.objects(list).forEach(inner -> part(inner, known, list, depth + 1));
        } else {
            fields.accept(part);
        }
        part.refuseOthers();
    }

    // a part without fields
    private static void nothing(JsonFields part) {
        part.has("type");
    }

    private static void byteLevel(JsonFields part) {
        part.flag("add_prefix_space");
        part.flag("trim_offsets");
        part.flag("use_regex", true);
    }

    private static void metaspace(JsonFields part) {
        character(part, "replacement");
        part.flag("add_prefix_space", true);
        part.choice("prepend_scheme", "always", SCHEMES);
        part.flag("split", true);
        part.textIfThere("str_rep");
    }

    private static void character(JsonFields part, String name) {
        String value = text(part, name);
        if (value.codePointCount(0, value.length()) != 1) {
            throw part.fault(name, "one character");
        }
    }

    private static String text(JsonFields part, String name) {
        String value = part.text(name);
        if (!isWhole(value)) {
            throw part.fault(name, "a text without halves of characters");
        }
        return value;
    }

    /** Whether every surrogate has its other half. */
    static boolean isWhole(String text) {
        return text.codePoints().noneMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE);
    }

    private static void replace(JsonFields part) {
        pattern(part);
        text(part, "content");
    }

    private static void pattern(JsonFields part) {
        JsonFields pattern = part.object("pattern");
        boolean regex = pattern.has("Regex");
        String value = text(pattern, regex ? "Regex" : "String");
        if (value.isEmpty() || value.length() > LONGEST_PATTERN) {
            throw part.fault("pattern", "a pattern of 1.." + LONGEST_PATTERN + " characters");
        }
        if (regex && !isRegex(value)) {
            throw part.fault("pattern", "a regular expression, repeated at most " + MOST_REPEATS + " times a place");
        }
        pattern.refuseOthers();
    }

    // Oniguruma's expressions, as far as Java's are the same: scripts are spelled in another way.
    private static boolean isRegex(String regex) {
        String java = CLASS.matcher(regex).replaceAll(found -> {
            String name = found.group(3);
            boolean script = name.length() > 2 && !name.matches("Alpha|Digit|Punct|Space|Upper|Lower|Alnum");
            String negated =
                    found.group(2).isEmpty() ? found.group(1) : found.group(1).equals("p") ? "P" : "p";
            return "\\\\" + negated + "{" + (script ? "Is" : "") + name + "}";
        });
        boolean counts =
                COUNT.matcher(regex).results().allMatch(found -> isFew(found.group(1)) && isFew(found.group(2)));
        try {
            Pattern.compile(java);
            return counts;
        } catch (PatternSyntaxException | StackOverflowError e) {
            return false;
        }
    }

    private static boolean isFew(String digits) {
        return digits.isEmpty() || (digits.length() <= 4 && Integer.parseInt(digits) <= MOST_REPEATS);
    }

    private void pairOfMarks(JsonFields part) {
        for (String name : List.of("sep", "cls")) {
            List<JsonElement> pair = part.elements(name);
            boolean fits = pair.size() == 2
                    && pair.get(0) instanceof JsonPrimitive text
                    && text.isString()
                    && pair.get(1) instanceof JsonPrimitive id
                    && id.isNumber()
                    && id.getAsDouble() == Math.rint(id.getAsDouble())
                    && id.getAsDouble() >= 0
                    && id.getAsDouble() < ids;
            if (!fits) {
                throw part.fault(name, "a token and its id 0.." + (ids - 1));
            }
        }
    }

    private void template(JsonFields part) {
        JsonFields special = part.object("special_tokens");
        for (String name : special.names()) {
            JsonFields one = special.object(name);
            if (!one.text("id").equals(name)) {
                throw one.fault("id", "\"" + name + "\", the name it stands under");
            }
            int many = one.integers("ids", 0, ids - 1).size();
            if (many == 0 || one.texts("tokens").size() != many) {
                throw one.fault("tokens", "as many as ids has, one or more");
            }
            one.refuseOthers();
        }
        for (String form : List.of("single", "pair")) {
            if (!part.has(form)) {
                throw part.fault(form, "a list of pieces");
            }
            Set<String> sequences = new HashSet<>();
            for (JsonFields piece : part.objects(form)) {
                sequences.add(piece(piece, special.names()));
                piece.refuseOthers();
            }
            List<String> needed = form.equals("single") ? List.of("A") : List.of("A", "B");
            if (!sequences.containsAll(needed) || (form.equals("single") && sequences.contains("B"))) {
                throw part.fault(form, "a list with the sequences " + needed);
            }
        }
    }

    private static String piece(JsonFields piece, List<String> special) {
        String kind = piece.has("SpecialToken") ? "SpecialToken" : "Sequence";
        JsonFields inner = piece.object(kind);
        Set<String> allowed = kind.equals("Sequence") ? Set.of("A", "B") : new HashSet<>(special);
        String id = inner.choice("id", allowed);
        inner.integer("type_id", 0, 1 << 16);
        inner.refuseOthers();
        return kind.equals("Sequence") ? id : "";
    }

    /** Truncation and padding, which are switched off, must still be what the library can read. */
    static void checkLengths(JsonFields json) {
        json.objectIfThere("truncation").ifPresent(part -> {
            part.choice("direction", "Right", Set.of("Left", "Right"));
            part.integer("max_length", 0, Integer.MAX_VALUE);
            part.choice("strategy", Set.of("LongestFirst", "OnlyFirst", "OnlySecond"));
            part.integer("stride", 0, 0, Integer.MAX_VALUE);
            part.refuseOthers();
        });
        json.objectIfThere("padding").ifPresent(part -> {
            JsonElement strategy =
                    part.json("strategy").orElseThrow(() -> part.fault("strategy", "BatchLongest or Fixed"));
            boolean longest = strategy instanceof JsonPrimitive text && text.isString();
            if (longest) {
                part.choice("strategy", Set.of("BatchLongest"));
            } else {
                JsonFields fixed = part.object("strategy");
                fixed.integer("Fixed", 0, 1 << 24);
                fixed.refuseOthers();
            }
            part.choice("direction", Set.of("Left", "Right"));
            part.integer("pad_to_multiple_of", 0, 0, 1 << 24);
            part.integer("pad_id", 0, Integer.MAX_VALUE);
            part.integer("pad_type_id", 0, 1 << 16);
            part.text("pad_token");
            part.refuseOthers();
        });
    }

    /** Numbers of a model's dropout. */
    static Numbers share() {
        return Numbers.between(0, 1);
    }

    /** The pre-tokenizer that spaces before texts are a field of, where there is one. */
    static boolean hasPrefixSpace(JsonObject json) {
        return json.get("pre_tokenizer") instanceof JsonObject part
                && part.has("add_prefix_space")
                && part.get("type") instanceof JsonPrimitive type
                && type.getAsString().equals("ByteLevel");
    }
}
