package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.skipgpt.data.DataException;

class TokenizersTest {
    private static final String ODD =
            "  Two  spaces, naïve – 🦙🏽 \u2581 \t\r\n\n tab\u00a0nbsp <s> 1234567 don't I'LL e\u0301 ";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @Test
    void threeFormsOfOneVocabularyGiveTheSameIdsForABook() throws IOException {
        Path data = TokenizerGoldenTest.shared().resolve("data");
        String book = Files.readString(data.resolve("gutenberg/11-alice-s-adventures-in-wonderland.txt"));
        Tokenizer model = Tokenizers.open(data.resolve("tokenizer-llama2/tokenizer.model"));
        Tokenizer bin = Tokenizers.open(data.resolve("tokenizer-llama2/tokenizer.bin"));

        try (HuggingFaceTokens json = HuggingFaceTokens.open(data.resolve("tokenizer-llama2/tokenizer.json"))) {
            assertThat(model.encode(book)).isEqualTo(json.encode(book));
            assertThat(bin.encode(book)).isEqualTo(json.encode(book));
            assertThat(model.decode(json.encode(book))).isEqualTo(book);
        }
    }

    @Test
    void theFolderOfLlama2BeginsTextsWithBos() {
        Path data = TokenizerGoldenTest.shared().resolve("data");

        try (HuggingFaceTokens json = (HuggingFaceTokens) Tokenizers.open(data.resolve("tokenizer-llama2"))) {
            assertThat(json.addsBos()).isTrue();
            assertThat(json.bos()).isEqualTo(OptionalInt.of(1));
            assertThat(json.eos()).isEqualTo(OptionalInt.of(2));
            assertThat(json.encodeWithBos("Hello world")).containsExactly(1, 15043, 3186);
            assertThat(json.piece(15043)).isEqualTo("▁Hello");
            assertThat(json.vocabSize()).isEqualTo(32000);
        }
    }

    @Test
    void bothFormsOfTheSmallVocabularyAgreeOnAStoryAndRoundTripOddText() throws IOException {
        Path data = TokenizerGoldenTest.shared().resolve("data");
        String story = Files.readAllLines(data.resolve("tinystories/valid-v1-head.txt"))
                .get(0);
        Tokenizer model = Tokenizers.open(data.resolve("stories260K/tok512.model"));
        Tokenizer bin = Tokenizers.open(data.resolve("stories260K"));

        assertThat(model.encode(story)).isEqualTo(bin.encode(story));
        assertThat(bin.decode(bin.encodeWithBos(ODD))).isEqualTo(ODD.replace('\u2581', ' '));
        assertThat(bin.encodeWithBos("a")[0]).isEqualTo(1);
    }

    // Ids and texts from the Python package sentencepiece 0.2.3: this model trims spaces, its short form cannot say so.
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "'\ta  b\n'|410 12 412 268 13|'\ta b\n'",
                "' \n a'|410 13 261|'\n a'",
                "'\u2581\u2581a'|410 410 261|'a'",
                "'   '|''|''",
                "'6 \r'|410 490 410 16|'6 \r'",
                "' a\u2581 '|261|'a'",
                "'don''t  I''LL e\u0301 '|279 289 439 413 359 439 438 438 344 207 132|'don''t I''LL e\u0301'"
            })
    void spacesAreTrimmedWhereTheModelSaysSo(String text, String ids, String back) {
        Tokenizer model = Tokenizers.open(TokenizerGoldenTest.shared().resolve("data/stories260K/tok512.model"));

        int[] found = model.encode(text);

        assertThat(Arrays.stream(found).mapToObj(String::valueOf).collect(Collectors.joining(" ")))
                .isEqualTo(ids);
        assertThat(model.decode(found)).isEqualTo(back);
    }

    @Test
    void byteLevelVocabulariesRoundTripOddText() {
        Path data = TokenizerGoldenTest.shared().resolve("data");
        Tokenizer llama3 = Tokenizers.open(data.resolve("tokenizer-llama3"));
        Tokenizer gpt2 = Tokenizers.open(data.resolve("tokenizer-gpt2"));

        assertThat(llama3.decode(llama3.encodeWithBos(ODD))).isEqualTo(ODD);
        assertThat(llama3.bos()).isEqualTo(OptionalInt.of(128000));
        assertThat(llama3.vocabSize()).isEqualTo(128256);
        assertThat(llama3.piece(128009)).isEqualTo("<|eot_id|>");
        assertThat(gpt2.decode(gpt2.encode(ODD))).isEqualTo(ODD);
        assertThat(gpt2.eos()).isEqualTo(OptionalInt.of(50256));
        assertThat(gpt2.addsBos()).isFalse();
    }

    @Test
    void readablePiecesAreSpelledAlikeInEveryVocabulary() {
        Path data = TokenizerGoldenTest.shared().resolve("data");
        String text = "a café\n\tin 東";

        for (String folder : List.of("tokenizer-llama2", "tokenizer-llama3", "tokenizer-gpt2")) {
            Tokenizer tokens = Tokenizers.open(data.resolve(folder));
            String all = Arrays.stream(tokens.encode(text))
                    .mapToObj(tokens::readable)
                    .collect(Collectors.joining())
                    .replace("<0xE6><0x9D><0xB1>", "東"); // one character of several pieces
            assertThat(all).as(folder).isIn("a▁café↵<0x09>in▁東", "▁a▁café↵<0x09>in▁東");
        }
    }

    @Test
    void theSpellingOfASpecialTokenIsOrdinaryText() {
        Path data = TokenizerGoldenTest.shared().resolve("data");
        Tokenizer llama3 = Tokenizers.open(data.resolve("tokenizer-llama3/tokenizer.model"));

        assertThat(llama3.encode("<|begin_of_text|>")).doesNotContain(128000).hasSizeGreaterThan(1);
    }

    @Test
    void marksComeFromTheFilesBesideTokenizerJson() throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), """
                {"version":"1.0","added_tokens":[{"id":3,"content":"<s>","special":true,"single_word":false,
                "lstrip":false,"rstrip":false,"normalized":false}],"normalizer":null,"pre_tokenizer":null,
                "post_processor":null,"decoder":null,
                "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}""");

        try (HuggingFaceTokens bare = HuggingFaceTokens.open(folder.resolve("tokenizer.json"))) {
            assertThat(bare.encode("abba")).containsExactly(2, 1, 0);
            assertThat(bare.bos()).isEmpty();
            assertThat(bare.addsBos()).isFalse();
        }
        Files.writeString(folder.resolve("config.json"), "{\"bos_token_id\": 3, \"eos_token_id\": [1, 2]}");
        try (HuggingFaceTokens configured = HuggingFaceTokens.open(folder.resolve("tokenizer.json"))) {
            assertThat(configured.bos()).isEqualTo(OptionalInt.of(3));
            assertThat(configured.eos()).isEqualTo(OptionalInt.of(1));
            assertThat(configured.addsBos()).isFalse();
        }
        Path settings = folder.resolve("tokenizer_config.json");
        Files.writeString(settings, "{\"bos_token\": {\"content\": \"<s>\"}, \"add_bos_token\": true}");
        try (HuggingFaceTokens marked = HuggingFaceTokens.open(folder.resolve("tokenizer.json"))) {
            assertThat(marked.encodeWithBos("ab")).containsExactly(3, 2);
            assertThat(marked.decode(new int[] {3, 2})).isEqualTo("ab");
        }
        Files.writeString(settings, "{\"bos_token\": \"<bos>\"}");
        assertThatThrownBy(() -> HuggingFaceTokens.open(folder.resolve("tokenizer.json")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("<bos>");
    }

    @Test
    void aClosedTokenizerSaysSo() throws IOException {
        HuggingFaceTokens json =
                HuggingFaceTokens.open(TokenizerGoldenTest.shared().resolve("data/tokenizer-llama2/tokenizer.json"));
        json.close();
        json.close();

        assertThatThrownBy(() -> json.encode("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void missingAndUnknownFilesAreNamed() throws IOException {
        assertThatThrownBy(() -> Tokenizers.open(folder))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer.json");
        assertThatThrownBy(() -> Tokenizers.open(folder.resolve("tokenizer.model")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("no such file");
        Files.writeString(folder.resolve("vocab.json"), "{}");
        assertThatThrownBy(() -> Tokenizers.open(folder)).hasMessageContaining("merges.txt is missing");
    }

    @Test
    void damagedFilesAreErrorsNotCrashes() throws IOException {
        Path model = folder.resolve("tokenizer.model");
        for (byte[] bytes : new byte[][] {{}, {10}, {10, 127}, {-1, -1, -1}, {10, 2, 10, 90}, {18, 2, 24, 1}}) {
            Files.write(model, bytes);
            assertThatThrownBy(() -> Tokenizers.open(model))
                    .as(Arrays.toString(bytes))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("tokenizer.model");
        }
        Files.writeString(model, "IQ== 0\nIg== x\n");
        assertThatThrownBy(() -> Tokenizers.open(model)).hasMessageContaining("line 2");
        Files.write(folder.resolve("tok.bin"), new byte[] {4, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, 127});
        assertThatThrownBy(() -> Tokenizers.open(folder.resolve("tok.bin"))).isInstanceOf(DataException.class);
        for (String json : new String[] {"{}", "{\"model\":3}", "{\"model\":{}}"}) {
            Files.writeString(folder.resolve("tokenizer.json"), json);
            assertThatThrownBy(() -> Tokenizers.open(folder))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("tokenizer.json has")
                    .hasMessageContaining("model");
        }
    }

    @Test
    void ofEqualScoresTheLeftmostPairIsJoined() throws IOException {
        Path file = folder.resolve("tok.bin");
        Files.write(
                file, bin(new String[] {"<unk>", "<s>", "</s>", "a", "aa", " "}, new float[] {0, 0, 0, -2, -1, -3}));
        Tokenizer tokens = Tokenizers.open(file);

        assertThat(tokens.encode("aaa")).containsExactly(5, 4, 3);
        assertThat(tokens.encode("a?")).containsExactly(5, 3, 0);
        assertThat(tokens.encode("")).isEmpty();
        assertThat(tokens.piece(6))
                .as("a head may be wider than the vocabulary")
                .isEmpty();
        assertThat(tokens.decode(new int[] {3, 6, 3})).isEqualTo("aa");
        assertThatThrownBy(() -> tokens.piece(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0..5");
    }

    @Test
    void aLongTextWithoutSpacesIsJoinedLikeAShortOne() {
        Tokenizer tokens = Tokenizers.open(TokenizerGoldenTest.shared().resolve("data/tokenizer-llama3"));

        int[] ids = tokens.encode("ab".repeat(100_000));

        assertThat(tokens.decode(ids)).isEqualTo("ab".repeat(100_000));
    }

    @Test
    void theTableShowsPlaceIdAndPiece() throws IOException {
        Path file = folder.resolve("tok.bin");
        Files.write(file, bin(new String[] {"<unk>", "<s>", "</s>", "a", "\n", " "}, new float[6]));
        Tokenizer tokens = Tokenizers.open(file);

        assertThat(TokenView.of(tokens, "a\n").text())
                .isEqualTo("tokens of 2 characters: 4\n0  1 <s>\n1  5 ▁\n2  3 a\n3  4 \\n");
        assertThat(TokenView.of(tokens, "a".repeat(5000)).text().lines())
                .hasSizeLessThanOrEqualTo(25)
                .allMatch(line -> line.length() <= 100);
    }

    private static byte[] bin(String[] pieces, float[] scores) {
        ByteBuffer out = ByteBuffer.allocate(1024).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(8);
        for (int i = 0; i < pieces.length; i++) {
            byte[] piece = pieces[i].getBytes(StandardCharsets.UTF_8);
            out.putFloat(scores[i]).putInt(piece.length).put(piece);
        }
        return Arrays.copyOf(out.array(), out.position());
    }
}
