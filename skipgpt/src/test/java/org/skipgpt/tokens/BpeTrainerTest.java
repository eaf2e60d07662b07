package org.skipgpt.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BpeTrainerTest {
    private static final int BYTES_AND_MARKS = 259;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @Test
    void mergesAreThoseOfTheWorkedExample() {
        // The words of Sennrich et al. 2016, Algorithm 1, without its end-of-word mark: es and st 9 times, est 9, lo
        // and ow 7,
        // low 7, then ne, ew and w+est 6. Ties go to the smaller ids, which is the order of the letters.
        BpeTrainer trainer = train(BYTES_AND_MARKS + 6, Map.of("low", 5, "lower", 2, "newest", 6, "widest", 3));

        assertThat(merges(trainer)).containsExactly("e s", "es t", "l o", "lo w", "e w", "n ew");
    }

    @Test
    void equallyFrequentPairsAreTakenByTheSmallerIds() {
        assertThat(merges(train(BYTES_AND_MARKS + 2, Map.of("zy", 2, "ab", 2)))).containsExactly("a b", "z y");
    }

    @Test
    void overlappingPairsMergeFromTheLeft() {
        assertThat(merges(train(BYTES_AND_MARKS + 2, Map.of("aaa", 2)))).containsExactly("a a", "aa a");
    }

    @Test
    void piecesNeverCrossWords() {
        BpeTrainer trainer = train(400, Map.of("to be, 42 don't", 50));

        assertThat(merges(trainer).stream().map(merge -> merge.replace(" ", "")))
                .contains("to", "Ġbe", "Ġ42", "Ġdon", "'t")
                .doesNotContain("toĠ", "be,", "toĠbe", "Ġdon't");
    }

    @Test
    void fewerPiecesComeOutWhenNoPairOccursTwice() {
        BpeTrainer trainer = train(1_000, Map.of("once", 1));

        assertThat(trainer.vocabSize()).isEqualTo(BYTES_AND_MARKS);
        assertThat(merges(trainer)).isEmpty();
    }

    @Test
    void everyByteIsADifferentPieceAndIdsAreWithoutGaps() {
        JsonObject vocabulary = json(train(300, Map.of("naïve café über 日本語 naïve", 9)))
                .getAsJsonObject("model")
                .getAsJsonObject("vocab");

        assertThat(vocabulary.entrySet().stream().map(entry -> entry.getValue().getAsInt()))
                .containsExactlyElementsOf(
                        IntStream.range(0, vocabulary.size()).boxed().toList());
        assertThat(vocabulary.keySet()).startsWith("<unk>", "<s>", "</s>", "Ā").contains("Ġ", "Ċ", "ÿ");
    }

    @Test
    void theFileHoldsTheText() throws IOException {
        BpeTrainer trainer = train(280, Map.of("the fox and the den", 3));
        Path file = folder.resolve("tokenizer.json");

        trainer.save(file);

        assertThat(Files.readString(file)).isEqualTo(trainer.toJson());
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    void tooSmallAVocabularyIsRefused() {
        assertThatThrownBy(() -> train(258, Map.of("a", 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("258")
                .hasMessageContaining("259");
    }

    private static BpeTrainer train(int size, Map<String, Integer> texts) {
        List<String> all = new ArrayList<>();
        texts.forEach((text, count) -> all.addAll(Collections.nCopies(count, text)));
        return BpeTrainer.train(all.iterator(), size);
    }

    private static JsonObject json(BpeTrainer trainer) {
        return JsonParser.parseString(trainer.toJson()).getAsJsonObject();
    }

    private static List<String> merges(BpeTrainer trainer) {
        return json(trainer).getAsJsonObject("model").getAsJsonArray("merges").asList().stream()
                .map(JsonElement::getAsString)
                .toList();
    }
}
