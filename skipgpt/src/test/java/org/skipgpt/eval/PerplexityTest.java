package org.skipgpt.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.skipgpt.tokens.Tokenizer;

class PerplexityTest {
    private static final Tokenizer LETTERS = new Tokenizer() {
        @Override
        public int[] encode(String text) {
            return text.chars().toArray();
        }

        @Override
        public String decode(int[] ids) {
            return new String(ids, 0, ids.length);
        }

        @Override
        public String piece(int id) {
            return Character.toString(id);
        }

        @Override
        public int vocabSize() {
            return 256;
        }

        @Override
        public OptionalInt bos() {
            return OptionalInt.of(1);
        }

        @Override
        public OptionalInt eos() {
            return OptionalInt.of(2);
        }

        @Override
        public boolean addsBos() {
            return true;
        }
    };

    @Test
    void rowsKeepTheirLineEndsAsWikiTextDoesOrLoseThem() {
        String file = " \n = Title = \n \n a b \n";

        assertThat(Perplexity.joined(file, PerplexityOptions.wikitext2()))
                .isEqualTo("\n\n = Title = \n\n\n\n\n a b \n");
        assertThat(Perplexity.joined(file, PerplexityOptions.ptb())).isEqualTo("\n\n= Title =\n\n\n\na b");
    }

    @Test
    void windowsDoNotOverlapAndTheTailIsDropped() {
        int[] ids = Perplexity.tokens(LETTERS, "abcdefg", PerplexityOptions.Bos.TEXT);

        assertThat(Perplexity.windows(LETTERS, ids, 3, PerplexityOptions.Bos.TEXT))
                .containsExactly(new int[] {1, 'a', 'b'}, new int[] {'c', 'd', 'e'});
    }

    @Test
    void aMarkBeforeEveryWindowTakesOnePlaceOfIt() {
        int[] ids = Perplexity.tokens(LETTERS, "abcdefg", PerplexityOptions.Bos.WINDOW);

        assertThat(Perplexity.windows(LETTERS, ids, 3, PerplexityOptions.Bos.WINDOW))
                .containsExactly(new int[] {1, 'a', 'b'}, new int[] {1, 'c', 'd'}, new int[] {1, 'e', 'f'});
    }

    @Test
    void recordsAreReadByEveryEndingAndAByteOrderMarkIsNoText(
            @org.junit.jupiter.api.io.TempDir java.nio.file.Path folder) throws java.io.IOException {
        PerplexityOptions options = PerplexityOptions.wikitext2();
        java.nio.file.Path plain = java.nio.file.Files.writeString(folder.resolve("a.txt"), "one\ntwo\n");
        String expected = Perplexity.read(plain, options);
        String lines = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n";

        for (String name : java.util.List.of("a.jsonl", "a.ndjson", "A.JSONL")) {
            assertThat(Perplexity.read(java.nio.file.Files.writeString(folder.resolve(name), lines), options))
                    .as(name)
                    .isEqualTo(expected);
        }
        java.nio.file.Path array = folder.resolve("a.json");
        java.nio.file.Files.writeString(array, "[{\"text\":\"one\"},{\"text\":\"two\"}]");
        assertThat(Perplexity.read(array, options)).isEqualTo(expected);
        java.nio.file.Path table = java.nio.file.Files.writeString(folder.resolve("a.csv"), "n,text\n1,one\n2,two\n");
        assertThat(Perplexity.read(table, options)).isEqualTo(expected);
        java.nio.file.Files.writeString(plain, "\ufeffone\ntwo\n");
        assertThat(Perplexity.read(plain, options)).isEqualTo(expected);

        byte[] text = "\ufeffone\ntwo\n".getBytes(java.nio.charset.StandardCharsets.UTF_8);
        java.nio.file.Path zst = folder.resolve("a.txt.zst");
        java.nio.file.Files.write(zst, com.github.luben.zstd.Zstd.compress(text));
        assertThat(Perplexity.read(zst, options)).isEqualTo(expected);
        java.nio.file.Path gz = folder.resolve("A.TXT.GZ");
        try (var out = new java.util.zip.GZIPOutputStream(java.nio.file.Files.newOutputStream(gz))) {
            out.write(text);
        }
        assertThat(Perplexity.read(gz, options)).isEqualTo(expected);
    }
}
