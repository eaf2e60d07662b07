package org.skipgpt.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.skipgpt.report.Progress;
import org.skipgpt.report.ProgressObserver;

class SpeedBenchTest {
    private static final SpeedTest READ = new SpeedTest(SpeedTest.Kind.PREFILL, 100, 0, 1);
    private static final SpeedTest WRITE = new SpeedTest(SpeedTest.Kind.DECODE, 10, 64, 2);

    /** Takes times from a list, and says when it was asked. */
    private record Scripted(String name, double skipped, double ideal, double[] taken, List<String> asked)
            implements Contestant {
        @Override
        public String dtype() {
            return "fp32";
        }

        @Override
        public int threads() {
            return 2;
        }

        @Override
        public double seconds(SpeedTest test) {
            long before =
                    asked.stream().filter((name + " " + test.name())::equals).count();
            asked.add(name + " " + test.name());
            return taken[(int) before] * (test.equals(READ) ? 1 : 10);
        }

        @Override
        public double skipped(SpeedTest test) {
            return skipped;
        }

        @Override
        public double ideal(SpeedTest test) {
            return ideal;
        }

        @Override
        public void close() {
            // Holds nothing.
        }
    }

    @Test
    void programsTakeTurnsAndTheFirstRoundIsNotTimed() {
        List<String> asked = new ArrayList<>();
        List<Progress> told = new ArrayList<>();
        Scripted dense = new Scripted("dense", 0, 1, new double[] {9, 2, 4, 3}, asked);
        Scripted skips = new Scripted("skips", 0.4, 1.6, new double[] {9, 2, 2, 2}, asked);

        SpeedResult result = SpeedBench.run("m", List.of(READ, WRITE), List.of(dense, skips), 3, told::add);

        assertThat(asked.subList(0, 5))
                .containsExactly(
                        "dense pp100", "skips pp100", "dense tg10 @ d64 x2", "skips tg10 @ d64 x2", "dense pp100");
        assertThat(result.rows().get(0).rate()).isEqualTo(100 / 3.0, within(1e-9));
        assertThat(result.rows().get(0).eta()).isNaN();
        assertThat(result.rows().get(1).overFirst()).isEqualTo(1.5, within(1e-9));
        assertThat(result.rows().get(1).eta()).isEqualTo(1.5 / 1.6, within(1e-9));
        assertThat(result.rows().get(3).rate()).isEqualTo(2 * 10 / 20.0, within(1e-9));
        assertThat(told).hasSize(16);
        assertThat(told.get(15).isDone()).isTrue();
        assertThat(result.markdown()).contains("| pp100 |", "quieten the machine");
        assertThat(result.table().json()).contains("\"tokens/s\"");
    }

    @Test
    void tooFewRoundsAndImpossibleTestsAreRefused() {
        assertThatThrownBy(() -> SpeedBench.run("m", List.of(READ), List.of(), 3, ProgressObserver.silent()))
                .hasMessageContaining("contestant");
        assertThatThrownBy(() -> new SpeedTest(SpeedTest.Kind.PREFILL, 0, 5, 0))
                .hasMessageContaining("tokens 0")
                .hasMessageContaining("depth 5")
                .hasMessageContaining("batch 0");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void llamaBenchIsAskedForOneTestAndItsJsonIsRead(@TempDir Path folder) throws IOException {
        Path said = folder.resolve("said");
        Path program = script(
                folder,
                "echo \"$@\" >> " + said + "\n"
                        + "echo '[{\"build_number\": 6500, \"model_type\": \"llama 135M Q4_1\", \"avg_ts\": 50.0}]'\n");
        try (LlamaBench llama = new LlamaBench(program, Path.of("m.gguf"), 2)) {
            assertThat(llama.seconds(READ)).isEqualTo(2);
            assertThat(llama.seconds(new SpeedTest(SpeedTest.Kind.DECODE, 10, 64, 1)))
                    .isEqualTo(0.2, within(1e-12));
            assertThat(llama.name()).isEqualTo("llama.cpp b6500");
            assertThat(llama.dtype()).isEqualTo("Q4_1");
            assertThatThrownBy(() -> llama.seconds(WRITE)).hasMessageContaining("one text at a time");
        }
        assertThat(Files.readAllLines(said))
                .containsExactly(
                        "-m m.gguf -p 100 -n 0 -d 0 -r 1 -t 2 -ngl 0 -o json",
                        "-m m.gguf -p 0 -n 10 -d 64 -r 1 -t 2 -ngl 0 -o json");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aProgramThatIsNotLlamaBenchIsToldByWhatItSaid(@TempDir Path folder) throws IOException {
        LlamaBench missing = new LlamaBench(folder.resolve("none"), Path.of("m.gguf"), 2);
        LlamaBench other = new LlamaBench(script(folder, "echo hello\n"), Path.of("m.gguf"), 2);
        LlamaBench failing = new LlamaBench(script(folder, "exit 3\n"), Path.of("m.gguf"), 2);

        assertThatThrownBy(() -> missing.seconds(READ)).hasMessageContaining("must name llama-bench itself");
        assertThatThrownBy(() -> failing.seconds(READ)).hasMessageContaining("ended with code 3");
        assertThatThrownBy(() -> new LlamaBench(script(folder, "echo hello\n"), Path.of("m"), 2).seconds(READ))
                .hasMessageContaining("hello");
        other.close();
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void transformersStaysForAllTestsAndItsEndIsTold(@TempDir Path folder) throws IOException {
        Path python = script(
                folder,
                "echo \"transformers 5, $2, $3, $4\"\nread a; echo \"0.5\"; read b; echo \"$b\" > "
                        + folder.resolve("asked") + "; echo 0.25\n");
        try (Transformers peer = Transformers.start(python.toString(), "model", "bf16", 2)) {
            assertThat(peer.name()).isEqualTo("transformers 5, model, bf16, 2");
            assertThat(peer.seconds(READ)).isEqualTo(0.5);
            assertThat(peer.seconds(WRITE)).isEqualTo(0.25);
            assertThat(Files.readString(folder.resolve("asked")).strip()).isEqualTo("decode 2 64 10");
            assertThatThrownBy(() -> peer.seconds(READ)).isInstanceOf(BenchException.class);
        }
        assertThatThrownBy(() -> Transformers.start(folder.resolve("none").toString(), "model", "bf16", 2))
                .hasMessageContaining("python= must name");
    }

    private static Path script(Path folder, String lines) throws IOException {
        Path file = Files.createTempFile(folder, "program", ".sh");
        Files.writeString(file, "#!/bin/sh\n" + lines);
        assertThat(file.toFile().setExecutable(true)).isTrue();
        return file;
    }
}
