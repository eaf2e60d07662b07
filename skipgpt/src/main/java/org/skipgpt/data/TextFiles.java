package org.skipgpt.data;

import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Texts of a corpus: plain text, or one field of jsonl, json, csv or parquet records; files and folders of any size.
 *
 * <pre>{@code
 * try (var texts = TextFiles.of(Path.of("c4/")).withField("text").open(faults::add)) {
 *     texts.limit(1000).forEach(tokenizer::encode);
 * }
 * }</pre>
 *
 * @param where a file or a folder
 * @param field the records' field with the text; plain text files have none
 * @param unit what one text of a plain text file is
 */
public record TextFiles(Path where, String field, TextUnit unit) {
    /** Lines of plain text, or the field {@code text}. */
    public static TextFiles of(Path where) {
        return new TextFiles(where, "text", TextUnit.LINE);
    }

    /** With another field. */
    public TextFiles withField(String newField) {
        return new TextFiles(where, newField, unit);
    }

    /** With another unit of plain text. */
    public TextFiles withUnit(TextUnit newUnit) {
        return new TextFiles(where, field, newUnit);
    }

    /** The texts in order; the first fault ends the stream with a DataException. Close the stream to close the file. */
    public Stream<String> open() {
        return open(fault -> {
            throw new DataException(fault + "; mend the file, or give a consumer of faults to go on without it");
        });
    }

    /**
     * The texts in order. Close the stream to close the file.
     *
     * @param faults takes each record that could not be read or has no such field; the others are kept
     */
    public Stream<String> open(Consumer<DataFault> faults) {
        Consumer<DataFault> counted = DataRows.counted(faults);
        return DataRows.open(where, unit, counted).mapMulti((row, texts) -> {
            row.text(DataRows.isPlain(Path.of(row.file())) ? DataRows.PLAIN_FIELD : field)
                    .ifPresentOrElse(
                            texts,
                            () -> counted.accept(new DataFault(
                                    row.file(),
                                    row.line(),
                                    "no text in field \"" + field + "\"; it has "
                                            + row.fields().keySet())));
        });
    }
}
