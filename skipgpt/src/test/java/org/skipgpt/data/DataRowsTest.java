package org.skipgpt.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DataRowsTest {
    private static final String LINES = "{\"text\":\"one\",\"n\":1}\n\n{\"text\":\"two\"}\r\n{\"text\":\"drei 🦙\"}";

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    private final List<DataFault> faults = new ArrayList<>();

    @Test
    void allFormsGiveTheSameTexts() throws IOException {
        Path plain = Files.writeString(folder.resolve("a.jsonl"), LINES);
        Path gz = Files.write(folder.resolve("b.jsonl.gz"), gzip(LINES));
        Path zst = Files.write(folder.resolve("c.jsonl.zst"), Zstd.compress(LINES.getBytes(StandardCharsets.UTF_8)));
        Path csv = Files.writeString(folder.resolve("d.csv"), "\uFEFFn,text\n1,one\n2,\"two\"\n3,drei 🦙\n");
        Path json = Files.writeString(folder.resolve("e.json"), "[" + LINES.replaceAll("\\R+", ",") + "]");
        Path txt = Files.writeString(folder.resolve("f.txt"), "one\n\ntwo\r\ndrei 🦙");

        for (Path file : List.of(plain, gz, zst, csv, json, txt)) {
            assertThat(texts(TextFiles.of(file))).as(file.toString()).containsExactly("one", "two", "drei 🦙");
        }
        assertThat(texts(TextFiles.of(folder))).hasSize(18);
        assertThat(faults).isEmpty();
    }

    @Test
    void linksAreFollowedAndCirclesTold() throws IOException {
        Path data = Files.createDirectory(folder.resolve("data"));
        Path blob = Files.writeString(folder.resolve("blob"), "one");
        Files.createSymbolicLink(data.resolve("a.txt"), blob);
        Path linked = Files.createSymbolicLink(folder.resolve("linked"), data);

        assertThat(texts(TextFiles.of(linked))).containsExactly("one");

        Files.createSymbolicLink(data.resolve("circle"), data);
        assertThatThrownBy(() -> texts(TextFiles.of(linked)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("circle");
    }

    @Test
    void anotherFieldIsNotReplacedByTheUsualOne() throws IOException {
        Path file = Files.writeString(folder.resolve("a.jsonl"), "{\"text\":\"one\"}\n{\"goal\":\"two\"}\n");

        assertThat(texts(TextFiles.of(file).withField("goal"))).containsExactly("two");
        assertThat(faults).hasSize(1);
        Path plain = Files.writeString(folder.resolve("b.txt"), "three");
        assertThat(texts(TextFiles.of(plain).withField("goal"))).containsExactly("three");
    }

    @Test
    void faultyRecordsAreNamedByLineAndTheRestIsKept() throws IOException {
        Path file = folder.resolve("a.jsonl");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes("{\"text\":\"one\"}\n{\"text\":\n[1]\n{\"text\":\"".getBytes(StandardCharsets.UTF_8));
        bytes.writeBytes(new byte[] {(byte) 0xC3, '"', '}', '\n'});
        bytes.writeBytes("{\"words\":\"x\"}\n{\"text\":\"last\"}\n".getBytes(StandardCharsets.UTF_8));
        Files.write(file, bytes.toByteArray());

        assertThat(texts(TextFiles.of(file))).containsExactly("one", "last");
        assertThat(faults.stream().map(DataFault::line)).containsExactly(2L, 3L, 4L, 5L);
        assertThat(faults.get(2).toString()).startsWith(file + ":4: not UTF-8");
        assertThat(faults.get(3).problem()).contains("\"text\"", "words");
        assertThatThrownBy(() -> {
                    try (Stream<String> all = TextFiles.of(file).open()) {
                        all.forEach(text -> {});
                    }
                })
                .isInstanceOf(DataException.class)
                .hasMessageContaining("a.jsonl:2");
    }

    @Test
    void aCutArchiveGivesWhatItHasAndSaysWhereItBreaksOff() throws IOException {
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 20_000; i++) {
            many.append("{\"text\":\"number ").append(i).append("\"}\n");
        }
        byte[] whole = gzip(many.toString());
        Path gz = Files.write(folder.resolve("a.jsonl.gz"), Arrays.copyOf(whole, whole.length / 2));
        byte[] packed = Zstd.compress(many.toString().getBytes(StandardCharsets.UTF_8));
        Path zst = Files.write(folder.resolve("a.jsonl.zst"), Arrays.copyOf(packed, packed.length * 9 / 10));

        for (Path file : List.of(gz, zst)) {
            faults.clear();
            List<String> texts = texts(TextFiles.of(file));
            assertThat(texts).as(file.toString()).hasSizeBetween(1000, 19_999);
            assertThat(texts.get(999)).isEqualTo("number 999");
            assertThat(faults.get(0).toString()).contains("breaks off");
        }
    }

    @Test
    void quotedCellsMayHoldCommasQuotesAndLineEnds() throws IOException {
        Path file = Files.writeString(
                folder.resolve("a.csv"), "id,text\n1,\"a, \"\"b\"\"\nc\"\n2\n3,d,e\n4,f\n5,\"never closed\n");

        assertThat(texts(TextFiles.of(file))).containsExactly("a, \"b\"\nc", "f");
        assertThat(faults.stream().map(DataFault::line)).startsWith(4L, 5L, 7L);
    }

    @Test
    void plainTextComesByLineParagraphOrFile() throws IOException {
        Path file = Files.writeString(folder.resolve("a.txt"), "\na\nb\n\n\nc\n");

        assertThat(texts(TextFiles.of(file))).containsExactly("a", "b", "c");
        assertThat(texts(TextFiles.of(file).withUnit(TextUnit.PARAGRAPH))).containsExactly("a\nb", "c");
        assertThat(texts(TextFiles.of(file).withUnit(TextUnit.FILE))).containsExactly("a\nb\n\n\nc");
    }

    @Test
    void aMillionCharactersAreOneText() throws IOException {
        Path file = Files.writeString(folder.resolve("a.jsonl"), "{\"text\":\"" + "é".repeat(1_000_000) + "\"}\n");

        assertThat(texts(TextFiles.of(file)).get(0)).hasSize(1_000_000);
    }

    @ParameterizedTest
    @ValueSource(strings = {"snappy", "zstd", "gzip"})
    void parquetWithListsAndRecordsIsRead(String codec) throws Exception {
        try (Stream<DataRow> open = DataRows.open(parquet(codec), faults::add)) {
            List<DataRow> rows = open.toList();

            assertThat(rows).hasSize(4);
            assertThat(rows.get(1).text("text")).contains("zweiter Text: naïve 🦙");
            assertThat(rows.get(1).fields().get("answers").toString()).isEqualTo("[\"y\",\"z\"]");
            assertThat(rows.get(2).fields().toString()).isEqualTo("{\"text\":null,\"id\":3,\"answers\":[],\"s\":null}");
            assertThat(rows.get(3).fields().get("s").toString()).isEqualTo("{\"k\":3}");
        }
        assertThat(texts(TextFiles.of(parquet(codec)))).hasSize(3);
        assertThat(faults).hasSize(1);
    }

    @Test
    void aCutParquetFileIsNamed() throws Exception {
        Path cut = folder.resolve("cut.parquet");
        Files.write(cut, Arrays.copyOf(Files.readAllBytes(parquet("zstd")), 900));
        assertThatThrownBy(() -> DataRows.open(cut))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cut.parquet");
    }

    @Test
    void whatIsNotThereIsNamed() throws IOException {
        assertThatThrownBy(() -> DataRows.open(folder.resolve("no.jsonl"))).hasMessageContaining("no such file");
        assertThatThrownBy(() -> DataRows.open(folder)).hasMessageContaining(".jsonl");
        Path odd = Files.writeString(folder.resolve("a.xyz"), "");
        assertThatThrownBy(() -> DataRows.open(odd)).hasMessageContaining("unknown ending");
    }

    private static Path parquet(String codec) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(DataRowsTest.class.getResource("/golden/parquet/t-" + codec + ".parquet"))
                .toURI());
    }

    private List<String> texts(TextFiles files) {
        try (Stream<String> texts = files.open(faults::add)) {
            return texts.toList();
        }
    }

    private static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
