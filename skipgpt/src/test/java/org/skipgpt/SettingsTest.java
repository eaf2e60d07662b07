package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @Test
    void withoutVariablesTheWorldIsStudied() {
        Settings settings = Settings.of(Map.of("SKIPGPT_MODEL", " "));
        assertThat(settings).isEqualTo(new Settings("world", "", "", "", false));
        assertThat(settings.text()).contains("the embedded world's text", "small");
    }

    @Test
    void learnedAndHeldOutParagraphsAreApart(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("corpus.txt");
        Files.writeString(
                file,
                IntStream.range(0, 100)
                        .mapToObj(i -> "Paragraph " + i + " " + "word ".repeat(50))
                        .collect(Collectors.joining("\n\n")));
        Settings settings = Settings.of(Map.of("SKIPGPT_MODEL", "owner/name", "SKIPGPT_CORPUS", file.toString()));

        List<String> learned = settings.documents(1000);
        List<String> held = settings.heldOut(1000);
        assertThat(learned).hasSize(90).doesNotContainAnyElementsOf(held);
        assertThat(held).hasSize(10);
        assertThat(settings.documents(5)).isEqualTo(learned.subList(0, 5));
    }

    @Test
    void whatCannotBeMeantIsRefused(@TempDir Path folder) throws IOException {
        refused(Map.of("SKIPGPT_BUDGET", "big"), "small or full");
        refused(Map.of("SKIPGPT_MODEL", "owner/name"), "SKIPGPT_CORPUS is not set");
        Settings gone =
                Settings.of(Map.of("SKIPGPT_CORPUS", folder.resolve("gone.txt").toString()));
        assertThatThrownBy(() -> gone.documents(5)).hasMessageContaining("does not exist");
        Path thin = Files.writeString(folder.resolve("thin.txt"), "too short");
        Settings little = Settings.of(Map.of("SKIPGPT_CORPUS", thin.toString()));
        assertThatThrownBy(() -> little.documents(5)).hasMessageContaining("at least 20 are needed");
    }

    private static void refused(Map<String, String> environment, String because) {
        assertThatThrownBy(() -> Settings.of(environment)).hasMessageContaining(because);
    }
}
