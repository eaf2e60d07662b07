package org.skipgpt.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.skipgpt.StudyMethod;
import org.skipgpt.StudyOptions;
import org.skipgpt.eval.EvaluationOptions;
import org.skipgpt.train.TuningOptions;

class TravelTest {
    private record Holding(String name, Optional<Thread> thread) {}

    private static Object there(Serializable value) throws IOException, ClassNotFoundException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(value);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return in.readObject();
        }
    }

    @Test
    void theSettingsOfAStudyArriveAsTheyWere() throws IOException, ClassNotFoundException {
        for (TuningOptions tuning : List.of(
                TuningOptions.workshop(), TuningOptions.practical(), TuningOptions.paper(), TuningOptions.official())) {
            StudyOptions sent = StudyOptions.paper(Path.of("folder"), "calibration", List.of("one", "two"))
                    .withTuning(tuning.withCheckpoints(Path.of("run"), 10))
                    .withEvaluation(EvaluationOptions.defaults().withData(Path.of("data")));

            StudyOptions arrived = (StudyOptions) Travel.unpack(there(Travel.pack("study", sent)));

            assertThat(arrived.tuning())
                    .isEqualTo(sent.tuning())
                    .hasToString(sent.tuning().toString());
            assertThat(arrived.evaluation()).isEqualTo(sent.evaluation());
            assertThat(arrived.withMethods(sent.methods())).isEqualTo(sent);
            assertThat(arrived.methods().stream().map(StudyMethod::name))
                    .containsExactlyElementsOf(
                            sent.methods().stream().map(StudyMethod::name).toList());
        }
    }

    @Test
    void whatCannotTravelIsNamed() {
        Holding holding = new Holding("a", Optional.of(Thread.currentThread()));
        assertThatThrownBy(() -> Travel.pack("study", holding))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("study.thread", "java.lang.Thread", "Serializable");
        Thread thread = Thread.currentThread();
        StudyMethod method = StudyMethod.of("bad", (base, material) -> {
            thread.interrupt();
            return base;
        });
        assertThatThrownBy(() -> Serialized.check("the study", method))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("the study", "java.lang.Thread", "cannot travel");
    }
}
