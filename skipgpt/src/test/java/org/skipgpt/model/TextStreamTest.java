package org.skipgpt.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.skipgpt.data.Tokenizer;

/** Text that comes token by token, with one token a byte. */
class TextStreamTest {
    @Test
    void charactersOfSeveralBytesComeOutWhole() {
        List<String> pieces = new ArrayList<>();
        String text = "a\u00E9\u20AC\uD83D\uDE00z";
        TextStream stream = new TextStream(new Bytes(), new int[] {'x'}, List.of(), pieces::add);
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            assertThat(stream.add(b & 0xFF)).isTrue();
        }
        assertThat(stream.finish()).isEqualTo(text);
        assertThat(pieces).containsExactly("a", "\u00E9", "\u20AC", "\uD83D\uDE00", "z");
    }

    @Test
    void anUnfinishedCharacterIsGivenOutAtTheEnd() {
        List<String> pieces = new ArrayList<>();
        TextStream stream = new TextStream(new Bytes(), new int[0], List.of(), pieces::add);
        stream.add('a');
        stream.add(0xE2);
        assertThat(pieces).containsExactly("a");
        assertThat(stream.finish()).isEqualTo("a\uFFFD");
    }

    @Test
    void aPossibleStopTextIsHeldBackUntilItIsClear() {
        List<String> pieces = new ArrayList<>();
        TextStream stream = new TextStream(new Bytes(), new int[0], List.of("END"), pieces::add);
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
        TextStream stream = new TextStream(new Bytes(), new int[0], List.of(), streamed::append);
        for (int i = 0; i < 200; i++) {
            text.append(i).append('\u00FC');
        }
        for (byte b : text.toString().getBytes(StandardCharsets.UTF_8)) {
            stream.add(b & 0xFF);
        }
        assertThat(stream.finish()).isEqualTo(text.toString()).isEqualTo(streamed.toString());
    }

    private record Bytes() implements Tokenizer {
        @Override
        public int[] encode(String text) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = bytes[i] & 0xFF;
            }
            return ids;
        }

        @Override
        public String decode(int[] ids) {
            byte[] bytes = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                bytes[i] = (byte) ids[i];
            }
            return new String(bytes, StandardCharsets.UTF_8);
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
