package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.tokens.HuggingFaceTokens;
import org.skipgpt.tokens.Tokenizer;

/** Text that comes token by token, with one token a byte. */
class TextStreamTest {
    private static final String SHORT = "\u00E9\u20AC\uD83D\uDE00";
    private static final String FACES = "\uD83D\uDE00\uD83D\uDE01\uD83D\uDE00";
    private static final String LONG =
            FACES + " b\u00E9\u20AC\uD83D\uDE00\u20AC\u20AC\u00E9\u00FC z" + FACES + FACES + FACES;

    @Test
    void charactersOfSeveralBytesComeOutWhole() {
        List<String> pieces = new ArrayList<>();
        String text = "a\u00E9\u20AC\uD83D\uDE00z";
        TextStream stream = new TextStream(new Bytes(false), new int[] {'x'}, List.of(), pieces::add);
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            assertThat(stream.add(b & 0xFF)).isTrue();
        }
        assertThat(stream.finish()).isEqualTo(text);
        assertThat(pieces).containsExactly("a", "\u00E9", "\u20AC", "\uD83D\uDE00", "z");
    }

    @Test
    void anUnfinishedCharacterIsGivenOutAtTheEnd() {
        List<String> pieces = new ArrayList<>();
        TextStream stream = new TextStream(new Bytes(false), new int[0], List.of(), pieces::add);
        stream.add('a');
        stream.add(0xE2);
        assertThat(pieces).containsExactly("a");
        assertThat(stream.finish()).isEqualTo("a\uFFFD");
    }

    @Test
    void aPossibleStopTextIsHeldBackUntilItIsClear() {
        List<String> pieces = new ArrayList<>();
        TextStream stream = new TextStream(new Bytes(false), new int[0], List.of("END"), pieces::add);
        for (char c : "aENbEN".toCharArray()) {
            assertThat(stream.add(c)).isTrue();
        }
        assertThat(String.join("", pieces)).isEqualTo("aENb");
        assertThat(stream.add('D')).isFalse();
        assertThat(stream.finish()).isEqualTo("aENb");
        assertThat(String.join("", pieces)).isEqualTo("aENb");
    }

    @Test
    void longTextsStayWhole() {
        StringBuilder text = new StringBuilder();
        StringBuilder streamed = new StringBuilder();
        TextStream stream = new TextStream(new Bytes(false), new int[0], List.of(), streamed::append);
        for (int i = 0; i < 200; i++) {
            text.append(i).append('\u00FC');
        }
        for (byte b : text.toString().getBytes(StandardCharsets.UTF_8)) {
            stream.add(b & 0xFF);
        }
        assertThat(stream.finish()).isEqualTo(text.toString()).isEqualTo(streamed.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {SHORT, "x" + SHORT + "z", LONG})
    void aCharacterInWhichThePromptEndsBelongsToTheContinuation(String text) {
        for (Tokenizer tokenizer : List.of(new Bytes(false), new Bytes(true))) {
            assertEveryCutIsWhole(tokenizer, text);
        }
    }

    @Test
    void everyCutOfTheWorldsTokensIsWhole() {
        Path file = Path.of(System.getProperty("skipgpt.root", "..")).resolve("datasets/world/tokenizer.json");
        try (HuggingFaceTokens world = HuggingFaceTokens.open(file)) {
            assertEveryCutIsWhole(world, SHORT);
            assertEveryCutIsWhole(world, "A café costs 3 " + LONG);
        }
    }

    private static void assertEveryCutIsWhole(Tokenizer tokenizer, String text) {
        int[] ids = tokenizer.encode(text);
        for (int cut = 0; cut <= ids.length; cut++) {
            String as = tokenizer + " cut after " + cut + " of " + text;
            StringBuilder streamed = new StringBuilder();
            TextStream stream = new TextStream(tokenizer, Arrays.copyOf(ids, cut), List.of(), piece -> {
                assertThat(piece).as(as).doesNotContain("\uFFFD");
                assertThat(Character.isLowSurrogate(piece.charAt(0))).as(as).isFalse();
                assertThat(Character.isHighSurrogate(piece.charAt(piece.length() - 1)))
                        .as(as)
                        .isFalse();
                streamed.append(piece);
            });
            for (int i = cut; i < ids.length; i++) {
                assertThat(stream.add(ids[i])).isTrue();
            }
            String expected = text.substring(wholeCharacters(tokenizer, text, Arrays.copyOf(ids, cut)));
            assertThat(stream.finish()).as(as).isEqualTo(expected);
            assertThat(streamed).as(as).hasToString(expected);
        }
    }

    // Characters of the text that are whole in a start of its tokens.
    private static int wholeCharacters(Tokenizer tokenizer, String text, int[] ids) {
        int longest = 0;
        for (int n = 0; n <= ids.length; n++) {
            String start = tokenizer.decode(Arrays.copyOf(ids, n)).replaceFirst("\uFFFD+$", "");
            longest = text.startsWith(start) ? Math.max(longest, start.length()) : longest;
        }
        return longest;
    }

    @Test
    void anUnfinishedCharacterOfThePromptStaysThere() {
        for (boolean spoils : new boolean[] {false, true}) {
            StringBuilder streamed = new StringBuilder();
            TextStream stream = new TextStream(new Bytes(spoils), new int[] {'x', 0xE2}, List.of(), streamed::append);
            stream.add('a');
            stream.add('b');
            assertThat(stream.finish()).isEqualTo(streamed.toString()).isEqualTo("ab");
        }
    }

    @Test
    void aStopTextEndsTheTextWhereverTheTokensAreCut() {
        String text = "a\u00E9\uD83D\uDE00END\u20ACz";
        for (String stop : List.of("END", "\uD83D\uDE00E", "ND\u20AC", "\u20AC", "Dx")) {
            for (int size = 1; size <= 8; size++) {
                int[] ids = new Bytes(false).encode(text);
                Bytes blocks = new Bytes(false, ids, size);
                for (int cut = 0; cut < blocks.count(); cut++) {
                    String as = stop + " in tokens of " + size + " bytes, cut " + cut;
                    int[] prompt = IntStream.range(0, cut).toArray();
                    String rest = text.substring(wholeCharacters(blocks, text, prompt));
                    StringBuilder streamed = new StringBuilder();
                    TextStream stream = new TextStream(blocks, prompt, List.of(stop), streamed::append);
                    boolean goes = true;
                    for (int i = cut; i < blocks.count() && goes; i++) {
                        goes = stream.add(i);
                    }
                    int end = rest.indexOf(stop);
                    String expected = end < 0 ? rest : rest.substring(0, end);
                    assertThat(goes).as(as).isEqualTo(end < 0);
                    assertThat(stream.finish()).as(as).isEqualTo(expected);
                    assertThat(streamed).as(as).hasToString(expected);
                }
            }
        }
    }

    @Test
    void aStopTextBeforeAnUnfinishedCharacterIsSeenAtOnce() {
        int[] bytes = {'a', 'E', 'N', 'D', 0xE2};
        TextStream stream = new TextStream(new Bytes(false, bytes, 5), new int[0], List.of("END"), piece -> {});
        assertThat(stream.add(0)).isFalse();
        assertThat(stream.finish()).isEqualTo("a");
    }

    /**
     * One token a byte, or a block of given bytes.
     *
     * @param spoils whether a broken character makes every byte of its run beyond ASCII broken, as Hugging Face's byte
     *     fallback does
     */
    private record Bytes(boolean spoils, int[] bytes, int size) implements Tokenizer {
        Bytes(boolean spoils) {
            this(spoils, new int[0], 1);
        }

        int count() {
            return (bytes.length + size - 1) / size;
        }

        @Override
        public int[] encode(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[utf8.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = utf8[i] & 0xFF;
            }
            return ids;
        }

        @Override
        public String decode(int[] ids) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (int id : ids) {
                if (bytes.length == 0) {
                    out.write(id);
                }
                for (int i = id * size; i < Math.min((id + 1) * size, bytes.length); i++) {
                    out.write(bytes[i]);
                }
            }
            return spoils ? spoiled(out.toString(StandardCharsets.ISO_8859_1)) : out.toString(StandardCharsets.UTF_8);
        }

        private static String spoiled(String bytes) {
            return Pattern.compile("[\u0080-\u00FF]+").matcher(bytes).replaceAll(run -> {
                String read = new String(run.group().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
                return read.contains("\uFFFD") ? "\uFFFD".repeat(run.group().length()) : read;
            });
        }

        @Override
        public String piece(int id) {
            return Integer.toString(id);
        }

        @Override
        public int vocabSize() {
            return 256;
        }

        @Override
        public OptionalInt bos() {
            return OptionalInt.empty();
        }

        @Override
        public OptionalInt eos() {
            return OptionalInt.empty();
        }

        @Override
        public boolean addsBos() {
            return false;
        }
    }
}
