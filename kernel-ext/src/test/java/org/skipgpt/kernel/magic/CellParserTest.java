package org.skipgpt.kernel.magic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.skipgpt.kernel.magic.CellPart.CellMagic;
import org.skipgpt.kernel.magic.CellPart.Code;
import org.skipgpt.kernel.magic.CellPart.LineMagic;

class CellParserTest {
    @Test
    void splitsCodeAndLineMagicsAndKeepsLineNumbers() {
        List<CellPart> parts = CellParser.parse("int a = 1;\n%load \"my file.jsh\" x\nint b = a % 2;\n");

        assertThat(parts)
                .containsExactly(
                        new Code("int a = 1;", 0),
                        new LineMagic("load", "\"my file.jsh\" x", 1),
                        new Code("int b = a % 2;\n", 2));
        assertThat(((LineMagic) parts.get(1)).words()).containsExactly("my file.jsh", "x");
    }

    @Test
    void takesAWholeCellForACellMagic() {
        assertThat(CellParser.parse("%%bench 5\nf();\ng();"))
                .containsExactly(new CellMagic("bench", "5", "f();\ng();", 1));
    }

    @Test
    void aCellMagicWithoutABodyWouldHaveItBelow() {
        assertThat(CellParser.parse("%%time")).containsExactly(new CellMagic("time", "", "", 1));
        assertThat(CellParser.parse("\n%%time\n")).containsExactly(new CellMagic("time", "", "", 2));
    }

    @Test
    void knowsWhereAnOpenLiteralBegins() {
        assertThat(CellParser.openLiteral("load(\"")).isEqualTo(6);
        assertThat(CellParser.openLiteral("int a;\nf(\"x\", \"y\\\"z")).isEqualTo(15);
        assertThat(CellParser.openLiteral("var t = \"\"\"\n a\nb")).isEqualTo(11);
        assertThat(CellParser.openLiteral("char c = 'x")).isEqualTo(10);
        for (String code : List.of("", "f(\"x\")", "f(\"x\", ", "// a \"b", "\"\"\"\na\"\"\";\nf(", "\"open\nf(")) {
            assertThat(CellParser.openLiteral(code)).as(code).isEqualTo(-1);
        }
    }

    @Test
    void leavesTextBlocksCommentsAndStringsAlone() {
        for (String code : List.of(
                "var s = \"\"\"\n%time\n\"\"\";",
                "/* a\n%time\n*/ int x;", "char q = '\"';\nint y = 5\n  % 3;", "// \"\"\"\nint z;")) {
            assertThat(CellParser.parse(code)).containsExactly(new Code(code, 0));
        }
    }

    @Test
    void turnsAnAssignedMagicIntoACall() {
        assertThat(CellParser.parse("var x = %foo a \"b c\""))
                .containsExactly(new Code("var x = lineMagic(\"foo\", java.util.List.of(\"a\", \"b c\"));", 0));
    }
}
