package org.skipgpt;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Who may import whom; a package that is not named here is a fault. */
class PackageArrowsTest {
    private static final Map<String, List<String>> MAY_IMPORT = Map.ofEntries(
            Map.entry("torch", List.of()),
            Map.entry("vector", List.of()),
            Map.entry("report", List.of()),
            Map.entry("io", List.of("torch", "report")),
            Map.entry("data", List.of("io", "torch", "report")),
            Map.entry("tokens", List.of("data", "io", "torch", "report")),
            Map.entry("shape", List.of("io", "torch", "report")),
            Map.entry("weights", List.of("shape", "tokens", "io", "torch", "report")),
            Map.entry("model", List.of("weights", "shape", "tokens", "data", "io", "torch", "report", "vector")),
            Map.entry("route", with()),
            Map.entry("lora", with()),
            Map.entry("loss", with()),
            Map.entry("eval", with("route", "lora", "plot")),
            Map.entry("prune", with("loss", "plot")),
            Map.entry("train", with("prune", "loss", "route", "lora", "plot")),
            Map.entry("analyze", with("route", "lora", "plot")),
            Map.entry("bench", with("route")),
            Map.entry("plot", List.of("report")));

    // What stands above the model may use all rooms below it.
    private static List<String> with(String... others) {
        List<String> all = new ArrayList<>(List.of(others));
        all.addAll(List.of("model", "weights", "shape", "tokens", "data", "io", "torch", "report", "vector"));
        return all;
    }

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("org.skipgpt");

    @Test
    void everyPackageImportsOnlyWhatTheDesignAllows() {
        Map<String, Set<String>> broken = new TreeMap<>();
        CLASSES.forEach(type -> type.getDirectDependenciesFromSelf().forEach(dependency -> {
            String from = layer(type.getPackageName());
            String to = layer(dependency.getTargetClass().getPackageName());
            boolean isAllowed = from.isEmpty()
                    || to.equals(from)
                    || to.equals("outside")
                    || MAY_IMPORT.getOrDefault(from, List.of()).contains(to);
            if (!isAllowed) {
                broken.computeIfAbsent(from + " -> " + (to.isEmpty() ? "org.skipgpt" : to), key -> new TreeSet<>())
                        .add(type.getSimpleName() + " uses "
                                + dependency.getTargetClass().getSimpleName());
            }
        }));

        assertThat(CLASSES).isNotEmpty();
        assertThat(broken).as("arrows against the design").isEmpty();
    }

    @Test
    void everyPackageIsNamedInTheDesign() {
        Set<String> found = new TreeSet<>();
        CLASSES.forEach(type -> found.add(layer(type.getPackageName())));
        found.remove("");

        assertThat(MAY_IMPORT.keySet()).containsAll(found);
    }

    @Test
    void onlyTheTorchPackageOpensTheEnginesInnerDoor() {
        noClasses()
                .that(not(resideInAPackage("org.skipgpt.torch..")))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ai.djl.pytorch..")
                .check(CLASSES);
    }

    @Test
    void nothingElseIsLinkedWithTheIncubatorModule() {
        noClasses()
                .that(not(resideInAPackage("org.skipgpt.vector.simd..")))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("jdk.incubator..", "org.skipgpt.vector.simd..")
                .check(CLASSES);
    }

    @Test
    void theLibraryIsFreeOfSpark() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.apache.spark..", "scala..", "org.skipgpt.spark..")
                .check(CLASSES);
    }

    @Test
    void reportsAndFiguresAreFreeOfTheEngine() {
        classes()
                .that(resideInAnyPackage("org.skipgpt.report..", "org.skipgpt.plot.."))
                .should()
                .onlyDependOnClassesThat(not(resideInAPackage("ai.djl..")))
                .check(CLASSES);
    }

    @Test
    void packagesFormNoCircle() {
        slices().matching("org.skipgpt.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    /** First part below org.skipgpt; empty for the top itself. */
    private static String layer(String name) {
        String[] parts = name.split("\\.");
        if (!name.startsWith("org.skipgpt")) {
            return "outside";
        }
        return parts.length < 3 ? "" : Arrays.asList(parts).get(2);
    }
}
