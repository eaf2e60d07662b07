package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Star imports of this library beside those that every shell starts with: no name means two things. */
class PublicNamesTest {
    // java.lang, then what JShell imports at its start.
    private static final List<String> IMPORTED = List.of(
            "java.lang",
            "java.io",
            "java.math",
            "java.net",
            "java.nio.file",
            "java.util",
            "java.util.concurrent",
            "java.util.function",
            "java.util.prefs",
            "java.util.regex",
            "java.util.stream");

    @Test
    void noPublicClassIsNamedLikeOneThatAShellImports() {
        Set<String> clashes = new TreeSet<>();
        int seen = 0;
        for (JavaClass type : new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("org.skipgpt")) {
            if (type.isTopLevelClass() && type.getModifiers().contains(JavaModifier.PUBLIC)) {
                seen++;
                IMPORTED.stream()
                        .map(name -> name + "." + type.getSimpleName())
                        .filter(PublicNamesTest::isThere)
                        .forEach(clashes::add);
            }
        }

        assertThat(seen).isGreaterThan(100);
        assertThat(clashes).isEmpty();
    }

    private static boolean isThere(String name) {
        try {
            Class.forName(name, false, null);
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }
}
