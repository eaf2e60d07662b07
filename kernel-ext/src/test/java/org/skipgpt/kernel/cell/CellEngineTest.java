package org.skipgpt.kernel.cell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The engine without a kernel around it. */
class CellEngineTest {
    private final List<String> notices = new ArrayList<>();

    @Test
    void importsAtOnceAreAllThere() throws Exception {
        try (CellEngine engine = new CellEngine(List.of(), 0, notices::add)) {
            List<String> missing = engine.importAll(
                    List.of("import java.util.*;", "import static java.lang.Math.*;"), "if (false) { abs(1); }");

            assertThat(missing).isEmpty();
            assertThat(value(engine, "List.of(max(1, 2))")).isEqualTo(List.of(2));
            engine.drop(snippet -> true);
            assertThat(value(engine, "List.of(abs(-3))")).isEqualTo(List.of(3));
        }
    }

    @Test
    void anImportOfACellTakesNoneOfTheOthersAway() throws Exception {
        try (CellEngine engine = new CellEngine(List.of(), 0, notices::add)) {
            engine.importAll(
                    List.of("import java.io.*;", "import java.util.*;", "import static java.lang.Math.*;"),
                    "if (false) { abs(1); }");

            value(engine, "import java.io.*;\nimport static java.lang.Math.*;");
            assertThat(value(engine, "List.of(max(1, 2))")).isEqualTo(List.of(2));
        }
    }

    @Test
    void aCellsOwnImportOfANameTakesThePlaceOfTheFirst() throws Exception {
        try (CellEngine engine = new CellEngine(List.of(), 0, notices::add)) {
            List<String> missing = engine.importAll(
                    List.of("import java.util.*;", "import java.util.List;"), "if (false) { new ArrayList<>(); }");

            assertThat(missing).isEmpty();
            value(engine, "import java.awt.List;");
            assertThat(value(engine, "List.class.getName()")).isEqualTo("java.awt.List");
        }
    }

    @Test
    void anImportThatIsMissingIsNamedAndTheOthersAreThere() throws Exception {
        try (CellEngine engine = new CellEngine(List.of(), 0, notices::add)) {
            List<String> missing = engine.importAll(
                    List.of("import java.util.*;", "import nowhere.*;", "import static java.lang.Math.*;"),
                    "if (false) { abs(1); }");

            assertThat(missing).containsExactly("import nowhere.*;");
            assertThat(value(engine, "List.of(max(1, 2))")).isEqualTo(List.of(2));
        }
    }

    @Test
    void whatTheClassPathHasIsFoundByItsFullNameToo() throws Exception {
        try (CellEngine engine = new CellEngine(List.of(), 0, notices::add)) {
            assertThat(value(engine, "new com.google.gson.Gson().toJson(new int[] {1})"))
                    .isEqualTo("[1]");
            assertThat(value(engine, "java.sql.Types.NULL")).isEqualTo(0);
            assertThatThrownBy(() -> value(engine, "new java.util.Nowhere()")).isInstanceOf(CellFailure.class);
        }
    }

    private static @Nullable Object value(CellEngine engine, String code) throws Exception {
        return engine.execute(() -> engine.eval(code, CodeOrigin.cell(1))).value();
    }
}
