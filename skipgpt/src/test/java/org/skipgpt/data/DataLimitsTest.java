package org.skipgpt.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.skipgpt.io.Json;
import org.skipgpt.tokens.SentencePieceModel;

/** A few kilobytes that ask for gigabytes are refused by name; parquet as make_types.py beside the files wrote it. */
class DataLimitsTest {
    private static final Path PARQUET = Path.of("src/test/resources/golden/parquet");

    private final Path folder;
    private final List<DataFault> faults = new ArrayList<>();

    DataLimitsTest(@TempDir Path folder) {
        this.folder = folder;
    }

    @Test
    void aLineOfGigabytesIsPassedOver() throws IOException {
        Path file = packed(
                "a.jsonl.zst", "{\"text\":\"one\"}\n{\"text\":\"", "x", 200_000_000, "\"}\n{\"text\":\"two\"}\n");

        assertThat(Files.size(file)).isLessThan(100_000);
        assertThat(texts(TextFiles.of(file))).containsExactly("one", "two");
        assertThat(faults.get(0).toString()).contains("a.jsonl.zst:2", "allowed " + DataLimits.RECORD);
    }

    @Test
    void aRecordOfMillionsOfValuesIsPassedOver() throws IOException {
        Path file = packed("a.jsonl.zst", "{\"a\":[0", ",1", 2_000_000, "]}\n{\"text\":\"two\"}\n");

        assertThat(texts(TextFiles.of(file))).containsExactly("two");
        assertThat(faults.get(0).toString()).contains("a.jsonl.zst:1", "more than " + DataLimits.VALUES + " values");
    }

    @Test
    void anArrayEndsWhereARecordIsTooLong() throws IOException {
        Path letters = packed("a.json.zst", "[{\"text\":\"one\"},{\"text\":\"", "x", 200_000_000, "\"}]");
        Path values = packed("b.json.zst", "[{\"text\":\"one\"},{\"text\":[0", ",1", 2_000_000, "]}]");

        assertThat(texts(TextFiles.of(letters))).containsExactly("one");
        assertThat(texts(TextFiles.of(values))).containsExactly("one");
        assertThat(faults.get(0).toString()).contains("a.json.zst:2", "more than " + DataLimits.RECORD + " bytes");
        assertThat(faults.get(1).toString()).contains("b.json.zst:2", "more than " + DataLimits.VALUES + " values");
    }

    @Test
    void anUnclosedQuoteDoesNotGatherTheRest() throws IOException {
        Path file = packed("a.csv.zst", "text\none\n\"two", "\n" + "three".repeat(2000), 20_000, "\n");

        assertThat(texts(TextFiles.of(file))).containsExactly("one");
        assertThat(faults).hasSize(1);
        assertThat(faults.get(0).toString()).contains("a.csv.zst:3", "is a quote missing?", "up to here");
    }

    @Test
    void aTableHasSomeColumnsEachNamedOnce() throws IOException {
        Path wide = packed("a.csv.zst", "text", ",x", 1_000_000, "\n");
        Path twice = Files.writeString(folder.resolve("b.csv"), "text,text\none,two\n");

        assertThat(texts(TextFiles.of(wide))).isEmpty();
        assertThat(texts(TextFiles.of(twice))).isEmpty();
        assertThat(faults.get(0).toString()).contains("a.csv.zst:1", DataLimits.COLUMNS + " cells");
        assertThat(faults.get(1).toString()).contains("b.csv:1", "names a column twice");
    }

    @Test
    void aTextTakenWholeHasALongestLength() throws IOException {
        Path file =
                packed("a.txt.zst", "a\n\nb", "\n" + "c".repeat(9999), DataLimits.TEXT / 10_000 + 1000, "\n\nlast\n");

        assertThat(texts(TextFiles.of(file).withUnit(TextUnit.FILE))).isEmpty();
        assertThat(texts(TextFiles.of(file).withUnit(TextUnit.PARAGRAPH))).containsExactly("a", "last");
        assertThat(faults.get(0).toString()).contains("a.txt.zst:1", "more than " + DataLimits.TEXT + " characters");
        assertThat(faults.get(1).toString()).contains("a.txt.zst:3", "more than " + DataLimits.TEXT + " characters");
    }

    @Test
    void aFileOfFaultsIsReadNoFurther() throws IOException {
        Path file = packed("a.jsonl.zst", "", "[]\n", 200_000, "");
        Path other = packed("b.jsonl.zst", "", "{\"a\":1}\n", 200_000, "");

        for (Path one : List.of(file, other)) {
            faults.clear();
            assertThatThrownBy(() -> texts(TextFiles.of(one)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll(one.toString(), "number " + DataLimits.FAULTS, "right file");
            assertThat(faults).hasSize(DataLimits.FAULTS);
        }
    }

    @Test
    void whatIsNoStrictJsonIsAFaultAndNumbersStayAsWritten() throws IOException {
        Path file = Files.writeString(
                folder.resolve("a.jsonl"),
                "{'text':\"a\"}\n{\"text\":NaN}\n{\"text\":\"a\",\"text\":\"b\"}\n{\"text\":1}{}\n"
                        + "{\"text\":1.50}\n{\"text\":123456789012345678901}\n" + "[".repeat(100_000) + "\n");

        assertThat(texts(TextFiles.of(file))).containsExactly("1.50", "123456789012345678901");
        assertThat(faults.stream().map(DataFault::line)).containsExactly(1L, 2L, 3L, 4L, 7L);
        assertThat(faults.get(2).problem()).contains("$.text twice");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "gzip", "lz4", "snappy", "zstd", "integer"})
    void parquetOfManyTypesIsWhatPyarrowReads(String codec) {
        JsonArray expected = Json.object(PARQUET.resolve("types.json")).getAsJsonArray("rows");
        try (Stream<DataRow> rows = DataRows.open(PARQUET.resolve("types-" + codec + ".parquet"))) {
            List<JsonObject> found = rows.map(DataRow::fields).toList();
            assertThat(found).hasSize(3);
            for (int i = 0; i < 3; i++) {
                assertThat(plain(found.get(i))).isEqualTo(expected.get(i));
            }
        }
    }

    // Large numbers and decimals stand in the golden file as texts.
    private static JsonElement plain(JsonObject row) {
        for (String name : List.of("u64", "i64", "d9", "d38")) {
            if (!row.get(name).isJsonNull()) {
                boolean small = !name.startsWith("d")
                        && row.get(name).getAsBigDecimal().abs().compareTo(BigDecimal.TEN) < 0;
                row.add(
                        name,
                        small
                                ? new JsonPrimitive(row.get(name).getAsLong())
                                : new JsonPrimitive(
                                        row.get(name).getAsBigDecimal().toPlainString()));
            }
        }
        return row;
    }

    @Test
    void parquetThatRepeatsAValueWithoutEndIsRefused() throws IOException {
        Path bomb = PARQUET.resolve("bomb.parquet");

        assertThat(Files.size(bomb)).isLessThan(1000);
        try (Stream<DataRow> rows = DataRows.open(bomb, faults::add)) {
            assertThat(rows.toList()).isEmpty();
        }
        assertThat(faults.get(0).toString()).contains("bomb.parquet:1", "more than " + DataLimits.VALUES + " values");
    }

    @Test
    void parquetOfAnotherPackingNamesIt() {
        try (Stream<DataRow> rows = DataRows.open(PARQUET.resolve("types-brotli.parquet"), faults::add)) {
            assertThat(rows.toList()).isEmpty();
        }
        assertThat(faults.get(0).toString())
                .contains("types-brotli.parquet:1", "BROTLI", "snappy, gzip, zstd or lz4_raw");
    }

    @Test
    void manyPiecesOfOneScoreShareARank() throws IOException {
        int count = 200_000;
        ByteBuffer bytes = ByteBuffer.allocate(4 + 9 * count).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(1);
        for (int i = 0; i < count; i++) {
            bytes.putFloat(i % 2 == 0 ? 0f : -0f).putInt(1).put((byte) 'x');
        }
        Path file = Files.write(folder.resolve("tokenizer.bin"), bytes.array());

        assertThat(Arrays.stream(SentencePieceModel.read(file).ranks())
                        .distinct()
                        .toArray())
                .containsExactly(0);
    }

    @Test
    void aScoreThatIsNoNumberIsRefused() throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(4 + 9).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(1).putFloat(Float.NaN).putInt(1).put((byte) 'x');
        Path file = Files.write(folder.resolve("tokenizer.bin"), bytes.array());

        assertThatThrownBy(() -> SentencePieceModel.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(file.toString(), "score NaN");
    }

    private Path packed(String name, String before, String again, int times, String after) throws IOException {
        Path file = folder.resolve(name);
        byte[] piece = again.repeat(1000).getBytes(StandardCharsets.UTF_8);
        try (OutputStream out = new ZstdOutputStream(Files.newOutputStream(file))) {
            out.write(before.getBytes(StandardCharsets.UTF_8));
            for (int i = 0; i < times / 1000; i++) {
                out.write(piece);
            }
            out.write(after.getBytes(StandardCharsets.UTF_8));
        }
        return file;
    }

    private List<String> texts(TextFiles files) {
        try (Stream<String> texts = files.open(faults::add)) {
            return texts.toList();
        }
    }
}
