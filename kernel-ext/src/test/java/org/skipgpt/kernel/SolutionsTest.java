package org.skipgpt.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every solution compiles behind the cells of its notebook, with the imports that cells begin with; running them takes minutes. */
class SolutionsTest {
    private static final Path ROOT = Path.of(System.getProperty("skipgpt.root", ".."));
    private static final Path NOTEBOOKS = ROOT.resolve("notebooks");
    private static final String METHOD = "(?s)(double|LanguageModel|Evaluation|Generation) \\w+\\([^)]*\\) "
            + "\\{(\\n.*?\\n\\}|[^\\n]*\\})(?=\\n|$)";

    @ParameterizedTest
    @CsvSource({"00, 1 9 11", "01, 1 3", "02, 1 3 5", "03, 1 3", "04, 1 3 5", "05, 1 2", "06, 1 3", "08, 1 3 5"})
    void aSolutionCompilesBehindItsNotebook(String number, String cells, @TempDir Path folder) throws IOException {
        List<String> all = cells(number);
        StringBuilder imports = new StringBuilder();
        StringBuilder body = new StringBuilder();
        List<String> code = new ArrayList<>();
        for (String cell : cells.split(" ")) {
            code.add(all.get(Integer.parseInt(cell)));
        }
        code.add(solution(number));
        for (String one : code) {
            List<String> lines =
                    one.strip().replaceAll(METHOD, "").strip().lines().toList();
            lines.stream()
                    .filter(SolutionsTest::isImport)
                    .forEach(line -> imports.append(line).append('\n'));
            body.append(statements(
                            lines.stream().filter(line -> !isImport(line)).toList()))
                    .append('\n');
        }
        Path source = folder.resolve("Solution.java");
        Files.writeString(source, cellImports() + imports + """
                public class Solution {
                    static void shown(Object value) {}
                    static double lossOf(LanguageModel m) { return 0; }
                    static LanguageModel dialled(LanguageModel m) { return m; }
                    static LanguageModel turned(LanguageModel m, StudyMaterial material) { return m; }
                    static Evaluation row(LanguageModel m, String name) { throw new IllegalStateException(); }
                    void run() throws Exception {
                """ + body + "}}\n");
        ByteArrayOutputStream told = new ByteArrayOutputStream();

        int failed = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        told,
                        told,
                        "-proc:none",
                        "-d",
                        folder.toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        source.toString());

        assertThat(failed).as(told.toString(StandardCharsets.UTF_8)).isZero();
    }

    private static boolean isImport(String line) {
        return line.startsWith("import ");
    }

    // A cell's last line may be an expression, whose value is shown.
    private static String statements(List<String> lines) {
        if (lines.isEmpty()) {
            return "";
        }
        String last = lines.get(lines.size() - 1);
        boolean isValue = !last.isBlank() && !last.endsWith(";") && !last.endsWith("}");
        List<String> before = isValue ? lines.subList(0, lines.size() - 1) : lines;
        int start = before.size();
        // a chain begins some lines above, behind the last whole statement
        while (isValue && start > 0 && !before.get(start - 1).strip().matches(".*[;}{]|//.*|")) {
            start--;
        }
        String whole = isValue ? "shown(" + String.join("\n", lines.subList(start, lines.size())) + ");" : "";
        return String.join("\n", before.subList(0, start)) + "\n" + whole;
    }

    @Test
    void everyNotebookWithAnExerciseHasASolutionAndEveryCellIsCompiled() throws IOException {
        String page = Files.readString(NOTEBOOKS.resolve("SOLUTIONS.md"));
        List<String> posed = new ArrayList<>();
        try (Stream<Path> files = Files.list(NOTEBOOKS)) {
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".ipynb")).sorted().toList()) {
                if (Files.readString(file).contains("**Exercise.**")) {
                    posed.add(file.getFileName().toString().substring(0, 2));
                }
            }
        }
        assertThat(posed).hasSize(9).allSatisfy(number -> assertThat(page).contains("\n## " + number + " "));
        assertThat(page.split("```java\n", -1))
                .as("eight cells, each compiled above")
                .hasSize(9);
    }

    private static String cellImports() throws IOException {
        return Files.readAllLines(ROOT.resolve("kernel-ext/src/main/resources/org/skipgpt/kernel/startup-imports.txt"))
                .stream()
                .filter(SolutionsTest::isImport)
                .collect(Collectors.joining("\n", "", "\n"));
    }

    private static String solution(String number) throws IOException {
        Matcher found = Pattern.compile("(?s)\n## " + number + " .*?```java\n(.*?)```")
                .matcher(Files.readString(NOTEBOOKS.resolve("SOLUTIONS.md")));
        assertThat(found.find()).isTrue();
        return found.group(1);
    }

    private static List<String> cells(String number) throws IOException {
        Path file;
        try (Stream<Path> files = Files.list(NOTEBOOKS)) {
            file = files.filter(f -> f.getFileName().toString().matches(number + "-.*\\.ipynb"))
                    .findFirst()
                    .orElseThrow();
        }
        List<String> cells = new ArrayList<>();
        for (JsonElement cell :
                JsonParser.parseString(Files.readString(file)).getAsJsonObject().getAsJsonArray("cells")) {
            StringBuilder source = new StringBuilder();
            cell.getAsJsonObject().getAsJsonArray("source").forEach(line -> source.append(line.getAsString()));
            cells.add(source.toString());
        }
        return cells;
    }
}
