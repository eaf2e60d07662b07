package org.skipgpt.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import org.junit.jupiter.api.Test;

class TextTableTest {
    private static final TextTable TABLE = TextTable.of(
                    "25 % skipped",
                    Column.text("method"),
                    Column.number("accuracy (%)", 1).higherIsBetter(),
                    Column.number("perplexity", 2).lowerIsBetter())
            .withRow("dense", new Measured(66.04, 1.25), 5.471)
            .withRow("drop, half", 48, 14.3)
            .withRow("routed", new Measured(66.0, 1.3), null)
            .withReference("paper", 70.1, 5.1);

    @Test
    void textIsAlignedAndMarksTheBestOfTheComparedRows() {
        assertThat(TABLE.text()).isEqualTo("""
                        25 % skipped
                        method      accuracy (%)  perplexity
                        ────────────────────────────────────
                        dense        66.0 ± 1.3*       5.47*
                        drop, half         48.0       14.30
                        routed       66.0 ± 1.3*          –
                        paper †            70.1        5.10
                        † reported elsewhere, not compared""");
    }

    @Test
    void csvKeepsAllDigitsAndQuotes() {
        assertThat(TABLE.csv()).isEqualTo("""
                        method,accuracy (%),accuracy (%) stderr,perplexity
                        dense,66.04,1.25,5.471
                        "drop, half",48,,14.3
                        routed,66.0,1.3,
                        paper,70.1,,5.1
                        """);
    }

    @Test
    void jsonReadsBack() {
        var rows = JsonParser.parseString(TABLE.json()).getAsJsonArray();

        assertThat(rows).hasSize(4);
        assertThat(rows.get(0)
                        .getAsJsonObject()
                        .getAsJsonObject("accuracy (%)")
                        .get("error")
                        .getAsDouble())
                .isEqualTo(1.25);
        assertThat(rows.get(2).getAsJsonObject().get("perplexity").isJsonNull()).isTrue();
        assertThat(rows.get(3).getAsJsonObject().get("reference").getAsBoolean())
                .isTrue();
    }

    @Test
    void markupEscapesItsOwnCharacters() {
        TextTable odd = TextTable.of(
                        "a_b <c>", Column.text("x|y"), Column.number("5%", 0).higherIsBetter())
                .withRow("p|q & r_s", 1)
                .withRow("<i>", 2);

        assertThat(odd.markdown()).isEqualTo("| x\\|y | 5% |\n| --- | ---: |\n| p\\|q & r_s | 1 |\n| <i> | **2** |");
        assertThat(odd.latex())
                .contains("\\caption{a\\_b <c>}", "{lr}", "x|y & 5\\% \\\\", "p|q \\& r\\_s & 1", "\\textbf{2}");
        assertThat(odd.html().orElseThrow())
                .contains("a_b &lt;c&gt;", "p|q &amp; r_s", "<b>2</b>")
                .doesNotContain("<i>");
    }

    @Test
    void textOfALongTableStaysShort() {
        TextTable table = TextTable.of("t", Column.number("n", 0));
        for (int i = 0; i < 100; i++) {
            table = table.withRow(i);
        }

        assertThat(table.text().lines()).hasSize(25).last().isEqualTo("… 79 more");
        assertThat(table.fullText().lines()).hasSize(103);
    }

    @Test
    void aWrongRowIsNamed() {
        assertThatThrownBy(() -> TABLE.withRow("a"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("1 cells")
                .hasMessageContaining("perplexity");
        assertThatThrownBy(() -> TABLE.withRow("a", "b", 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("accuracy (%)");
    }
}
