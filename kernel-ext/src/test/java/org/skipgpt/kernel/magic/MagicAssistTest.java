package org.skipgpt.kernel.magic;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.kernel.cell.Completions;

class MagicAssistTest {
    private static final Map<String, String> HELP =
            new TreeMap<>(Map.of("%time", "%time CODE  runs", "%%time", "%%time  runs", "%load", "%load FILE  loads"));

    @Test
    void blanksMagicsAndKeepsEveryPlace() {
        assertThat(MagicAssist.javaOnly("int a;\n%load x\na", 16)).isEqualTo("int a;\n       \na");
        assertThat(MagicAssist.javaOnly("%time f(1)", 10)).isEqualTo("      f(1)");
        assertThat(MagicAssist.javaOnly("%time f(1)\ng", 12)).isEqualTo("          \ng");
        assertThat(MagicAssist.javaOnly("\n%%bench 3\nf()", 14)).isEqualTo("\n         \nf()");
        assertThat(MagicAssist.javaOnly("%%time", 6)).isBlank().hasSize(6);
        assertThat(MagicAssist.javaOnly("int b = a\n  % 2;", 5)).isEqualTo("int b = a\n  % 2;");
    }

    @Test
    void completesNamesOnlyWhereAMagicMayStand() {
        assertThat(names("%", 1)).containsExactly("%%time", "%load", "%time");
        assertThat(names("int a;\n  %l", 11)).containsExactly("%load");
        assertThat(MagicAssist.complete("a %t", 4, HELP)).isEmpty();
        assertThat(MagicAssist.complete("int a;\n%%t", 10, HELP)).isEmpty();
        assertThat(MagicAssist.complete("var s = \"\"\"\n%t", 14, HELP)).isEmpty();
    }

    @Test
    void completesFilesOfAFolder(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("a.jsh"), "");
        Files.writeString(folder.resolve("a.jar"), "");
        Files.createDirectory(folder.resolve("ab"));
        String line = "%load " + folder + "/a";

        assertThat(names(line, line.length())).containsExactly("a.jsh", "ab/");
        String jars = "%classpath x.jar " + folder + "/a";
        assertThat(names(jars, jars.length())).containsExactly("a.jar", "ab/");
        assertThat(names("%load /nowhere/at/all/", 22)).isEmpty();
    }

    @Test
    void completesFilesInAStringAndNothingInOtherLiterals(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("model.bin"), "");
        Files.createDirectory(folder.resolve("models"));
        String string = "int a;\nload(\"" + folder + "/mod";

        Completions found =
                MagicAssist.completeInString(string, string.length()).orElseThrow();

        assertThat(found.matches()).extracting(Completions.Match::text).containsExactly("model.bin", "models/");
        assertThat(string.substring(found.start(), found.end())).isEqualTo("mod");
        for (String other : List.of("\"hello wor", "'m", "\"\"\"\n" + folder + "/m", "\"\"\"\n")) {
            assertThat(MagicAssist.completeInString(other, other.length()))
                    .hasValueSatisfying(
                            none -> assertThat(none.matches()).as(other).isEmpty());
        }
        assertThat(MagicAssist.completeInString("load(\"a\").to", 12)).isEmpty();
    }

    @Test
    void explainsTheNameUnderTheCursor() {
        assertThat(MagicAssist.inspect("%load x", 2, HELP).orElseThrow().text()).startsWith("%load FILE");
        assertThat(MagicAssist.inspect("%load x", 7, HELP)).isEmpty();
        assertThat(MagicAssist.inspect("load", 2, HELP)).isEmpty();
    }

    private static List<String> names(String code, int cursor) {
        return MagicAssist.complete(code, cursor, HELP).orElseThrow().matches().stream()
                .map(Completions.Match::text)
                .toList();
    }
}
