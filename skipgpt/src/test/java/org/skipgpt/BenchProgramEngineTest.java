package org.skipgpt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchProgramEngineTest {
    @AfterEach
    void close() {
        Workspace.current().close();
    }

    @Test
    void theTableIsWrittenInEveryForm(@TempDir Path folder) throws IOException {
        Path md = folder.resolve("speed.md");
        Path csv = folder.resolve("speed.csv");

        BenchProgram.main(new String[] {
            "dtype=fp32",
            "pp=32",
            "tg=3",
            "skip=0,0.4",
            "routers=world/routers-25",
            "repeats=3",
            "out=" + md + "," + csv
        });

        assertThat(Files.readString(md))
                .contains("| pp32 |", "| tg3 |", "forced 40 %", "routers", "medians of 3 rounds");
        assertThat(Files.readAllLines(csv)).hasSize(7);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "pp=5000; holds 512",
                "skip=1.5; 0 to below 1",
                "kv=some; keep, deferred or executed",
                "pp=0 tg=0; leave nothing to time",
                "out=a.txt; .md, .csv or .json",
                "tg=many; whole numbers",
                "colour=red; is not known",
                "llama=llama-bench; needs gguf=",
                "python=python3; needs hf="
            })
    void whatCannotBeTimedIsRefused(String given, String told) {
        assertThatThrownBy(() -> BenchProgram.main(("dtype=fp32 " + given).split(" ")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(told);
    }
}
