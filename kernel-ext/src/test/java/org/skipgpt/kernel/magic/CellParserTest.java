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
